// What was read out of an event: who, action, target, outcome, origin, severity; for look-up only.
//
// The bytes stay the truth: these values are made from them again whenever they are needed, are
// stored nowhere but as hashes in the look-up, and no verdict asks for them. The same bytes with
// the same time received give the same values on every host. Thread safety: a value. Trust: the
// sender wrote the bytes; every value is its claim. See: README.md, the mapping tables.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

// The order is part of the look-up's file.
enum class Field : std::uint8_t { actor, action, target, outcome, origin, severity };
constexpr std::size_t kFieldCount = 6;
constexpr std::array<std::string_view, kFieldCount> kFieldNames{"actor",   "action", "target",
                                                                "outcome", "origin", "severity"};

// Longer values are cut here, at a character: above any user, host, path or ARN in practice, and
// what an event can make of itself stays bounded.
constexpr std::size_t kMaxValueBytes = 256;
// Longer events are not looked into, only stored: bounds what one event may cost the look-up.
constexpr std::size_t kMaxReadOutBytes = std::size_t{1} << 20;

struct ReadOut {
  std::string format;                      // "rfc5424", "audit", …; empty: unparsed
  std::array<std::string, kFieldCount> values;  // empty: the event does not say
  std::optional<std::int64_t> time_ns;          // the event's own claim of when it happened
  bool time_inferred = false;                   // year or zone were not in it (RFC 3164)

  bool unparsed() const { return format.empty(); }
  const std::string& operator[](Field field) const {
    return values[static_cast<std::size_t>(field)];
  }
  // Keeps at most kMaxValueBytes of it.
  void set(Field field, std::string_view value);
  // The same, where nothing was found so far.
  void offer(Field field, std::string_view value) {
    if ((*this)[field].empty()) set(field, value);
  }
  void clear();  // as new; keeps its memory
};

// The outcome in the words of the mapping tables (success, failure, denied); others in lower case.
std::string outcome_word(std::string_view text);
// A severity in syslog's words (emerg … debug); others in lower case.
std::string severity_word(std::string_view text);
std::string_view severity_name(unsigned number);  // of RFC 5424, 0 to 7

}  // namespace stele::daemon
