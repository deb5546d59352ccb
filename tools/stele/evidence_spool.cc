#include "tools/stele/evidence_spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIncoming = "incoming-";
constexpr std::string_view kEvidence = ".evidence";
// Each time somebody else took the file just made for a leftover.
constexpr int kMostTries = 16;

[[noreturn]] void spool_failed(const std::string& path, const std::string& why) {
  throw CommandError(kCannotCreate, "cannot create " + path + ": " + why +
                                        "; name a folder that you may write to with --save, where "
                                        "there is room for the evidence");
}

// Best effort: what cannot be looked at, or is held, stays.
void remove_leftovers(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kIncoming) || !name.ends_with(kEvidence)) continue;
    const int file = ::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) continue;
    struct stat status {};
    const bool left = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
                      ::flock(file, LOCK_EX | LOCK_NB) == 0;
    if (left) ::unlink(entry->path().c_str());
    ::close(file);
  }
}

}  // namespace

EvidenceSpool::EvidenceSpool(const std::string& folder) {
  if (folder.empty()) return;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) spool_failed(folder, error.message());
  remove_leftovers(folder);
  const std::string path =
      folder + "/" + std::string(kIncoming) + std::to_string(::getpid()) + std::string(kEvidence);
  path_ = path;
  for (int tries = 0; !hold(); ++tries) {
    if (tries == kMostTries) spool_failed(path, "others keep removing it");
  }
  file_.open(path_, std::ios::binary | std::ios::in | std::ios::out | std::ios::trunc);
  if (!file_) {
    const std::string why = std::strerror(errno);
    ::unlink(path_.c_str());
    ::close(held_);
    spool_failed(path, why);
  }
}

// Makes the file and locks it; false: between the two it was taken for a leftover.
bool EvidenceSpool::hold() {
  held_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (held_ < 0) spool_failed(path_, std::strerror(errno));
  struct stat status {};
  // A file system without locks has nobody's leftovers removed.
  if (::flock(held_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(held_);
    spool_failed(path_, "another command with this number writes there");
  }
  if (::fstat(held_, &status) == 0 && status.st_nlink > 0) return true;
  ::close(held_);
  return false;
}

EvidenceSpool::~EvidenceSpool() {
  if (path_.empty()) return;
  ::unlink(path_.c_str());
  ::close(held_);
}

void EvidenceSpool::write(std::string_view bytes) {
  if (!path_.empty()) file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string EvidenceSpool::finish() {
  if (path_.empty()) return path_;
  file_.close();
  if (!file_) throw CommandError(kIoError, "cannot write " + path_);
  return path_;
}

}  // namespace stele::tools
