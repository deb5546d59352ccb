// The numbers of journal entries: which of them are known, and how many are missing before one.
//
// journald counts through all of its files, but each of them has a numbering id of its own:
// system.journal the numbers 1, 2 and 5, user-1000.journal 3 and 4. Another machine's journald
// counts by itself; its files may lie beside, or its entries in one file with ours. So a number is
// held against the newest one of its numbering, or of its machine, whichever is larger.
// Thread safety: none. Limits: kMaxNumberings; beyond, all is forgotten but what was seen last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "daemon/ingest/journal_export.h"

namespace stele::daemon {

constexpr std::size_t kMaxNumberings = 1024;  // a host has a few; a collector one for each machine

class JournalNumbers {
 public:
  // machine: the entry's _MACHINE_ID; empty where it has none.
  void see(const JournalNumber& entry, std::string_view machine);
  bool knows(const JournalNumber& entry) const;  // it, or a later one of its numbering, was seen
  std::uint64_t missing_before(const JournalNumber& entry, std::string_view machine) const;

 private:
  using Newest = std::map<std::string, std::uint64_t, std::less<>>;
  static void raise(Newest& newest, std::string_view name, std::uint64_t number);

  Newest by_numbering_;
  Newest by_machine_;
};

// Whether it stands before, or at, the entry of `cursor` in a journal of several files: by number
// within a numbering, by the clock within a boot; of another boot by both time and number, since
// each of them can be put back.
bool is_before(const JournalNumber& entry, const JournalNumber& cursor);

}  // namespace stele::daemon
