#include "daemon/ingest/journal_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "daemon/ingest/journal_export.h"

namespace stele::daemon {

Descriptor::Descriptor(const std::string& path)
    : value(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
  if (value < 0 && (errno == EMFILE || errno == ENFILE || errno == EACCES)) {
    throw std::system_error(errno, std::generic_category(), path);
  }
}

Descriptor::~Descriptor() {
  if (value >= 0) ::close(value);
}

std::optional<JournalHeader> read_journal_header(const Descriptor& descriptor) {
  std::array<std::uint8_t, kJournalHeaderBytes> bytes{};
  const ssize_t length = ::pread(descriptor.value, bytes.data(), bytes.size(), 0);
  if (length < 0) return std::nullopt;
  return parse_journal_header({bytes.data(), static_cast<std::size_t>(length)});
}

JournalFile::JournalFile(std::string folder_, std::string path_, FileId id_, FileLook look_,
                         JournalHeader header_)
    : folder(std::move(folder_)),
      path(std::move(path_)),
      id(id_),
      look(look_),
      header(std::move(header_)) {}

bool JournalFile::open(const Config& config, const JournalPositions& read) {
  auto descriptor = std::make_unique<Descriptor>(path);
  struct stat status {};
  if (descriptor->value < 0 || ::fstat(descriptor->value, &status) != 0 || file_id(status) != id) {
    return false;
  }
  auto now = read_journal_header(*descriptor);
  if (!now || now->numbering != header.numbering) return false;  // another one took over its id
  header = std::move(*now);
  descriptor_ = std::move(descriptor);
  opened_as_ = look;
  handle_ = std::make_unique<JournalHandle>(config, descriptor_->value);
  const std::uint64_t from = read.unread_from(header.numbering, std::max(header.oldest, 1ul));
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, from, 16);
  handle_->seek("s=" + header.numbering + ";i=" + std::string(digits, end));
  return true;
}

std::uint64_t JournalFile::next(const JournalPositions& read) {
  if (!handle_) return read.unread_from(header.numbering, std::max(header.oldest, 1ul));
  if (read.is_unread(header.numbering, number_)) return number_;
  while (!at_end_) {
    // Archived and then looked at once more: nothing can have come between.
    if (!handle_->next() && !((done_ = is_archived()) && handle_->next())) {
      at_end_ = ended_ = true;
      break;
    }
    done_ = false;
    cursor_ = handle_->cursor();
    const auto here = journal_number(cursor_);
    if (!here || !read.is_unread(header.numbering, here->number)) continue;
    if (here->numbering != header.numbering) {
      throw std::system_error(EIO, std::generic_category(), "another file lies over it");
    }
    number_ = here->number;
    return number_;
  }
  number_ = 0;
  return 0;
}

bool JournalFile::is_stuck(const JournalPositions& read, const FileLook& now, bool filtered) {
  const auto on_disk = read_journal_header(*descriptor_);
  if (!on_disk || on_disk->numbering != header.numbering) return true;
  const bool ended = std::exchange(ended_, false) && read.is_unread(header.numbering, behind_) &&
                     !read.is_unread(header.numbering, number_);
  const bool has_more = !filtered && read.is_unread(header.numbering, on_disk->newest);
  behind_ = has_more ? on_disk->newest : 0;
  look = now;
  return ended && now != opened_as_;
}

// A file that journald has put aside as damaged never says that it is.
bool JournalFile::is_archived() {
  if (!header.archived && !path.ends_with('~')) {
    if (const auto now = read_journal_header(*descriptor_)) header = *now;
  }
  return header.archived || path.ends_with('~');
}

}  // namespace stele::daemon
