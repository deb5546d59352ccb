// An entry of the systemd journal in export format, as the journal input stores it.
//
//   NAME=VALUE LF                                   where VALUE is text
//   NAME LF, length u64 little-endian, VALUE, LF    where it is not: any bytes, exactly
//
// It begins with __CURSOR. Of a field that comes several times the first not empty one counts.
// Thread safety: pure. Errors: nothing comes back. Trust: fields that begin with _ are journald's
// word, all others the sender's; the entry as a whole may come from anyone. See: README.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

enum class JournalField : std::uint8_t {
  message, priority, syslog_identifier, comm, hostname, uid, login_uid, user_id, unit, user_unit,
  job_type, job_result, audit_type, audit_id, source_time, time
};
constexpr std::size_t kJournalFieldCount = 16;

struct JournalEntry {
  std::array<std::string_view, kJournalFieldCount> values;  // into the text; empty: not there
  std::string_view operator[](JournalField field) const {
    return values[static_cast<std::size_t>(field)];
  }
  std::optional<std::int64_t> time_ns() const;    // the sender's, else journald's
  std::optional<unsigned> priority() const;       // 0 to 7
  // What the kernel's audit says by way of the journal, as the record that auditd would write;
  // empty: it is none.
  std::string audit_record() const;
};

bool looks_like_journal(std::string_view text);
std::optional<JournalEntry> parse_journal_entry(std::string_view text);

}  // namespace stele::daemon
