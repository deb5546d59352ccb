#include "tools/stele_verify/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "tools/stele_verify/files.h"

namespace stele::tools {
namespace {

constexpr std::size_t kChunkBytes = 1u << 20;

[[noreturn]] void throw_reading(const char* doing, const std::string& path, int error = errno) {
  throw std::system_error(error, std::generic_category(), doing + (' ' + path));
}

}  // namespace

InputFile::InputFile(std::string path)
    : path_(std::move(path)),
      descriptor_(path_ == "-" ? ::dup(STDIN_FILENO)
                               : ::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw_reading("cannot open", path_);
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode))
    size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

// Full, unless the end has come: a pipe gives less at a time.
bool InputFile::read_chunk() {
  chunk_.resize(kChunkBytes);
  std::size_t have = 0;
  while (have < chunk_.size()) {
    const ssize_t got = ::read(descriptor_, chunk_.data() + have, chunk_.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_reading("cannot read", path_);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  chunk_.resize(have);
  given_ = false;
  return have > 0;
}

bool InputFile::begins_with(std::string_view magic) {
  if (given_) read_chunk();
  return chunk_.size() >= magic.size() && std::equal(magic.begin(), magic.end(), chunk_.begin());
}

attest::ByteView InputFile::next() {
  if (given_ && !read_chunk()) return {};
  given_ = true;
  return chunk_;
}

std::string InputFile::rest() {
  std::string all;
  for (auto bytes = next(); !bytes.empty(); bytes = next()) {
    all.append(bytes.begin(), bytes.end());
    if (all.size() > kMaxFileBytes) throw_reading("cannot read", path_, EFBIG);
  }
  return all;
}

}  // namespace stele::tools
