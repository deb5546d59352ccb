#include "tools/stele_verify/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace stele::tools {

namespace {

[[noreturn]] void throw_errno(const std::string& doing, const std::string& path,
                              int error = errno) {
  throw std::system_error(error, std::generic_category(), doing + " " + path);
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags)
      : number_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (number_ < 0) throw_errno("cannot open", path);
  }
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

std::string read_whole(const std::string& path, std::size_t limit) {
  const Descriptor file(path, O_RDONLY);
  std::string contents;
  std::array<char, 1 << 16> chunk;
  for (;;) {
    const ssize_t got = ::read(file.number(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read", path);
    if (got == 0) return contents;
    contents.append(chunk.data(), static_cast<std::size_t>(got));
    if (contents.size() > limit) throw_errno("cannot read", path, EFBIG);
  }
}

void replace_file(const std::string& path, std::string_view contents) {
  const std::string unfinished = path + ".new";
  {
    const Descriptor file(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    while (!contents.empty()) {
      const ssize_t wrote = ::write(file.number(), contents.data(), contents.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) throw_errno("cannot write", unfinished);
      contents.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (::fsync(file.number()) != 0) throw_errno("cannot sync", unfinished);
  }
  if (::rename(unfinished.c_str(), path.c_str()) != 0) throw_errno("cannot replace", path);
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const Descriptor parent(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
  if (::fsync(parent.number()) != 0) throw_errno("cannot sync", directory);
}

}  // namespace stele::tools
