// EvidenceSpool: an evidence bundle as it comes, on disk, for the proof that it may become.
//
// FOLDER/incoming-PID.evidence, locked while it is written: one that nobody holds is a killed
// command's, and is removed by the next one that uses the folder, whoever shares it.
// Thread safety: one thread. Errors: CommandError 73 (no such file can be made; names it, and says
// what to do), 74 (finish: it could not be written). Durability: none; whoever keeps it syncs it.
#pragma once

#include <fstream>
#include <string>
#include <string_view>

namespace stele::tools {

class EvidenceSpool {
 public:
  explicit EvidenceSpool(const std::string& folder);  // empty: nothing is kept
  ~EvidenceSpool();                                   // removes it, unless it was moved
  EvidenceSpool(const EvidenceSpool&) = delete;
  EvidenceSpool& operator=(const EvidenceSpool&) = delete;
  void write(std::string_view bytes);
  std::string finish();  // its path

 private:
  bool hold();

  std::string path_;
  int held_ = -1;
  std::ofstream file_;
};

}  // namespace stele::tools
