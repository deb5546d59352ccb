// A window that moves forward over a file: small reads come from its buffer, large ones go past it.
//
// Thread safety: one thread. Memory: kBufferBytes. Errors: the OS failing throws std::system_error.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "attest/hash.h"
#include "storage/file_system.h"
#include "storage/segment_format.h"

namespace stele::storage {

class FileWindow {
 public:
  static constexpr std::size_t kBufferBytes = 64u << 10;

  // The file must outlive the window. Bytes from `limit` on are not looked at.
  FileWindow(const File& file, std::uint64_t limit) : file_(&file), limit_(limit) {}
  std::uint64_t limit() const { return limit_; }

  // At most count (<= kBufferBytes) bytes at offset; fewer only at the limit or the end of the file.
  // Valid until the next call.
  ByteView peek(std::uint64_t offset, std::size_t count);
  // Fills out from offset; false if there are not enough bytes.
  bool read(std::uint64_t offset, std::span<std::uint8_t> out);
  // Can what begins at offset be a unit that a crash cut off? It is no longer than any unit, and no
  // marker is behind its first byte. Not even a sparse file of any length is read beyond that.
  bool may_be_torn(const Marker& marker, std::uint64_t offset, std::uint64_t longest_unit);

 private:
  bool holds(const Marker& marker, std::uint64_t begin);  // anywhere in [begin, limit)

  const File* file_;
  std::uint64_t limit_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t start_ = 0;  // of the buffer, in the file
};

}  // namespace stele::storage
