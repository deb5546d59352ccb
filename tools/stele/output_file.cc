#include "tools/stele/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/stele/command.h"

namespace stele::tools {
namespace {

constexpr std::size_t kBufferBytes = 1u << 18;

std::string why() { return std::strerror(errno); }

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)), is_stdout_(path_ == "-") {
  if (is_stdout_) {
    if (isatty(STDOUT_FILENO) == 1) {
      throw CommandError(kUsage,
                         "this is binary: name a file with -o FILE, or send it into a pipe");
    }
    descriptor_ = STDOUT_FILENO;
    return;
  }
  unfinished_ = path_ + ".new";
  descriptor_ = ::open(unfinished_.c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
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
}

}  // namespace stele::tools
