// Times as RFC 3339 text: nanoseconds since 1970 in, "2026-11-23T07:50:00.000000000Z" out, and
// back.
//
// Reading is strict: upper-case T and Z, seconds required, at most nine digits of fraction, an
// offset as +hh:mm, no leap second (the log's time has none), years 1678 to 2261 (what 64 bits
// hold). Thread safety: pure. Errors: from_rfc3339 returns nothing. See: RFC 3339, section 5.6.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stele::attest {

std::string to_rfc3339(std::int64_t time_ns);
std::optional<std::int64_t> from_rfc3339(std::string_view text);

}  // namespace stele::attest
