#include "daemon/ingest/journal_reader.h"

#include <poll.h>

#include <utility>

namespace stele::daemon {
namespace {

// Entries before the cursor that a start looks at, for the numbers of the other files.
constexpr std::uint64_t kLookBack = 4096;

}  // namespace

JournalReader::JournalReader(const Config& config, const std::string& cursor)
    : journal_(config),
      max_bytes_(config.max_event_bytes),
      filtered_(!config.journal_units.empty()) {
  journal_.descriptor();  // from here on new files are seen
  if (cursor.empty()) {
    journal_.seek_head();
    return;
  }
  if (seek(cursor)) {
    look_back();
    seek(cursor);
    return;
  }
  gone_cursor_ = cursor;
  const auto gone = journal_number(cursor);
  renumbered_ = !gone || !find_numbering(*gone);
  // Seeking may have gone past what came right after it: from the head, what is known is passed by.
  journal_.seek_head();
}

bool JournalReader::read(JournalEntry& entry) {
  while (journal_.next()) {
    entry = {};
    entry.cursor = journal_.cursor();
    if (is_known(entry)) continue;
    entry.content = journal_.content(entry.cursor, max_bytes_);
    return true;
  }
  return false;
}

// Onto the cursor's entry; false: there is none.
bool JournalReader::seek(const std::string& cursor) {
  journal_.seek(cursor);
  return journal_.next() && journal_.stands_at(cursor);
}

// From the entry we stand on back: the log has them, so their numbers are not missing.
void JournalReader::look_back() {
  for (std::uint64_t i = 0; i < kLookBack; ++i) {
    const std::string cursor = journal_.cursor();
    if (const auto here = journal_number(cursor)) numbers_.see(*here, journal_.machine());
    if (!journal_.previous()) break;
  }
}

// Whether entries of its numbering are still there: then it is the same journald that goes on.
bool JournalReader::find_numbering(const JournalNumber& cursor) {
  journal_.seek_head();
  while (journal_.next()) {
    const std::string text = journal_.cursor();
    const auto here = journal_number(text);
    if (!here || here->numbering != cursor.numbering) continue;
    numbers_.see(cursor, journal_.machine());
    return true;
  }
  return false;
}

// By its number; also notes what is missing before it.
bool JournalReader::is_known(JournalEntry& entry) {
  const auto here = journal_number(entry.cursor);
  if (!here) return false;
  const std::string machine = journal_.machine();
  bool known = numbers_.knows(*here);
  if (!known && !gone_cursor_.empty() && !renumbered_) {
    known = is_before(*here, *journal_number(gone_cursor_));
  }
  if (!known) {
    entry.lost = filtered_ ? 0 : numbers_.missing_before(*here, machine);
    entry.renumbered = std::exchange(renumbered_, false);
    if (entry.renumbered) gone_cursor_.clear();
  }
  numbers_.see(*here, machine);
  return known;
}

void JournalReader::wait(int wake, std::chrono::milliseconds limit) {
  pollfd both[] = {{journal_.descriptor(), POLLIN, 0}, {wake, POLLIN, 0}};
  ::poll(both, 2, static_cast<int>(limit.count()));
  journal_.take_changes();
}

}  // namespace stele::daemon
