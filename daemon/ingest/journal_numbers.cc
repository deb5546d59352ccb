#include "daemon/ingest/journal_numbers.h"

#include <algorithm>

namespace stele::daemon {

void JournalNumbers::raise(Newest& newest, std::string_view name, std::uint64_t number) {
  const auto found = newest.find(name);
  if (found != newest.end()) {
    found->second = std::max(found->second, number);
    return;
  }
  if (newest.size() >= kMaxNumberings) newest.clear();
  newest.emplace(name, number);
}

void JournalNumbers::see(const JournalNumber& entry, std::string_view machine) {
  raise(by_numbering_, entry.numbering, entry.number);
  if (!machine.empty()) raise(by_machine_, machine, entry.number);
}

bool JournalNumbers::knows(const JournalNumber& entry) const {
  const auto newest = by_numbering_.find(entry.numbering);
  return newest != by_numbering_.end() && entry.number <= newest->second;
}

std::uint64_t JournalNumbers::missing_before(const JournalNumber& entry,
                                             std::string_view machine) const {
  const auto of_numbering = by_numbering_.find(entry.numbering);
  const auto of_machine = by_machine_.find(machine);
  if (of_numbering == by_numbering_.end() && of_machine == by_machine_.end()) return 0;
  std::uint64_t newest = 0;
  if (of_numbering != by_numbering_.end()) newest = of_numbering->second;
  if (of_machine != by_machine_.end()) newest = std::max(newest, of_machine->second);
  return entry.number > newest ? entry.number - newest - 1 : 0;
}

bool is_before(const JournalNumber& entry, const JournalNumber& cursor) {
  if (entry.numbering == cursor.numbering) return entry.number <= cursor.number;
  if (entry.boot == cursor.boot) return entry.monotonic_us <= cursor.monotonic_us;
  return entry.realtime_us <= cursor.realtime_us && entry.number <= cursor.number;
}

}  // namespace stele::daemon
