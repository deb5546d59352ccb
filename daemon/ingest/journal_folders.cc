#include "daemon/ingest/journal_folders.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "daemon/log.h"

namespace stele::daemon {
namespace {

// A machine's, or of one of its namespaces, as journald names them.
bool is_machine_folder(const std::string& name) {
  constexpr std::size_t kIdLength = 32;
  return name.size() >= kIdLength && (name.size() == kIdLength || name[kIdLength] == '.') &&
         name.find_first_not_of("0123456789abcdef") >= kIdLength;
}

bool is_journal_name(const std::string& name) {
  return name.ends_with(".journal") || name.ends_with(".journal~");
}

}  // namespace

FileId file_id(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

FileLook file_look(const struct stat& status) {
  return {status.st_size,
          status.st_ctim.tv_sec * std::int64_t{1'000'000'000} + status.st_ctim.tv_nsec};
}

JournalFolders::JournalFolders(std::string directory)
    : directory_(std::move(directory)), changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  if (changes_ < 0) throw std::system_error(errno, std::generic_category(), "inotify");
}

JournalFolders::~JournalFolders() {
  ::close(changes_);
}

void JournalFolders::list(const Found& found) {
  unread_.clear();
  list_folder(directory_, found);
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    std::error_code gone;
    if (entry.is_directory(gone) && is_machine_folder(entry.path().filename())) {
      list_folder(entry.path(), found);
    }
  }
  std::erase_if(told_, [&](const std::string& folder) { return !is_unread(folder); });
}

// Watched before it is listed: what comes after that is told. Where it cannot be watched, the looks
// find what came.
void JournalFolders::list_folder(const std::string& folder, const Found& found) {
  constexpr std::uint32_t kWhat = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY |
                                  IN_CLOSE_WRITE | IN_ONLYDIR;
  ::inotify_add_watch(changes_, folder.c_str(), kWhat);
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename();
    if (!is_journal_name(name)) continue;
    struct stat status {};
    if (::stat(at->path().c_str(), &status) == 0) {
      if (S_ISREG(status.st_mode)) found(folder, name, file_id(status), file_look(status));
    } else if (errno != ENOENT && errno != ELOOP) {  // gone meanwhile, or a link to nothing
      cannot_read(folder, name + ": " + std::strerror(errno));
    }
  }
  if (error && (folder == directory_ || error.value() == EMFILE || error.value() == ENFILE)) {
    throw std::system_error(error, "listing " + folder);
  }
  if (error && error.value() != ENOENT) cannot_read(folder, error.message());
}

void JournalFolders::cannot_read(const std::string& folder, const std::string& why) {
  unread_.insert(folder);
  if (!told_.insert(folder).second) return;
  log(Priority::warning, "the journal folder " + folder + " cannot be read as a whole: " + why +
                             "; what can be is, and the rest when it can be");
}

bool JournalFolders::take_changes() {
  bool came_or_went = false;
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (ssize_t length; (length = ::read(changes_, buffer.data(), buffer.size())) > 0;) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
      const auto* const event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      if ((event->mask & ~static_cast<std::uint32_t>(IN_MODIFY)) != 0) came_or_went = true;
      at += sizeof *event + event->len;
    }
  }
  return came_or_went;
}

}  // namespace stele::daemon
