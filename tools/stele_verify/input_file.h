// InputFile: evidence as a stream of bytes, from a file, a pipe or standard input.
//
// Thread safety: one thread. Memory: one chunk; rest(): all that is left, at most kMaxFileBytes.
// Errors: std::system_error naming the file; EFBIG past the limit.
#pragma once

#include <string>
#include <string_view>

#include "attest/hash.h"

namespace stele::tools {

class InputFile {
 public:
  explicit InputFile(std::string path);  // "-": standard input. Follows links
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  std::uint64_t size() const { return size_; }  // 0: not known
  bool begins_with(std::string_view magic);     // before next()
  attest::ByteView next();                      // until the next call; empty: the end
  std::string rest();

 private:
  bool read_chunk();
  std::string path_;
  int descriptor_;
  std::uint64_t size_ = 0;
  attest::Bytes chunk_;
  bool given_ = true;  // chunk_ was
};

}  // namespace stele::tools
