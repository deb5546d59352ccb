// OutputFile: a command's bytes as they come, in a file that appears whole or not at all.
//
// Written beside its name and renamed over it; a command that fails leaves what was there. "-":
// standard output, but never binary onto a terminal. A name that is a FIFO, link, device or folder
// is refused and left as it is. Thread safety: one thread. Durability: file and name, when commit()
// returns. Errors: CommandError 73 (cannot create), 74 (cannot write), 64 (terminal).
#pragma once

#include <string>

#include "attest/hash.h"

namespace stele::tools {

class OutputFile {
 public:
  explicit OutputFile(std::string path, unsigned permissions = 0600);  // less the umask
  ~OutputFile();  // without commit(): nothing was made
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(attest::ByteView bytes);
  void commit();

 private:
  void flush();
  std::string path_, unfinished_;
  int descriptor_ = -1;
  bool is_stdout_ = false, committed_ = false;
  attest::Bytes buffer_;
};

}  // namespace stele::tools
