#include "tools/stele/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "tools/stele/command.h"

namespace stele::tools {
namespace {

constexpr std::size_t kBufferBytes = 1u << 18;

std::string why() { return std::strerror(errno); }

// A rename would put a file in the place of what is no file: a FIFO, a device, a link's name.
void refuse_unless_replaceable(const std::string& path) {
  struct stat what {};
  if (::lstat(path.c_str(), &what) != 0 || S_ISREG(what.st_mode)) return;
  throw CommandError(kCannotCreate, "cannot create " + path +
                                        ": it is there and no regular file; name another, or "
                                        "use -o - and a redirection");
}

// Makes the new name last.
bool sync_directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const int directory =
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  const bool synced = ::fsync(directory) == 0;
  const int error = errno;
  ::close(directory);
  errno = error;
  return synced;
}

}  // namespace

OutputFile::OutputFile(std::string path, unsigned permissions)
    : path_(std::move(path)), is_stdout_(path_ == "-") {
  if (is_stdout_) {
    if (isatty(STDOUT_FILENO) == 1) {
      throw CommandError(kUsage,
                         "this is binary: name a file with -o FILE, or send it into a pipe");
    }
    descriptor_ = STDOUT_FILENO;
    return;
  }
  refuse_unless_replaceable(path_);
  unfinished_ = path_ + ".new";
  descriptor_ = ::open(unfinished_.c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, permissions);
  if (descriptor_ < 0) throw CommandError(kCannotCreate, "cannot create " + unfinished_ + ": " + why());
}

OutputFile::~OutputFile() {
  if (is_stdout_) return;
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!committed_) ::unlink(unfinished_.c_str());
}

void OutputFile::write(attest::ByteView bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (buffer_.size() >= kBufferBytes) flush();
}

void OutputFile::flush() {
  attest::ByteView rest = buffer_;
  while (!rest.empty()) {
    const ssize_t wrote = ::write(descriptor_, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw CommandError(kIoError, "cannot write " + path_ + ": " + why());
    rest = rest.subspan(static_cast<std::size_t>(wrote));
  }
  buffer_.clear();
}

void OutputFile::commit() {
  flush();
  if (is_stdout_) return;
  if (::fsync(descriptor_) != 0 || std::rename(unfinished_.c_str(), path_.c_str()) != 0)
    throw CommandError(kIoError, "cannot write " + path_ + ": " + why());
  committed_ = true;
  if (!sync_directory_of(path_)) {
    throw CommandError(kIoError, "cannot make the name " + path_ + " last: " + why());
  }
}

}  // namespace stele::tools
