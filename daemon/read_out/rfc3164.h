// A syslog message of RFC 3164, as it is sent and as files keep it.
//
//   [<PRI>] TIMESTAMP HOST TAG[PID]: MESSAGE     TIMESTAMP: "Oct 11 22:14:15" or RFC 3339
//
// Year and zone are not in the old timestamp. Both are inferred from the time received: the year is
// the one that brings the claim nearest to it; the zone is the multiple of 15 minutes from -12 h to
// +14 h that brings it to within 5 minutes, else UTC.
// Thread safety: pure. Errors: nothing comes back. Trust: the text may come from anyone.
// See: RFC 3164, section 4.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stele::daemon {

struct Rfc3164 {
  std::optional<unsigned> priority;
  std::int64_t time_ns = 0;
  bool time_inferred = false;
  std::string_view hostname, tag, proc_id, message;  // empty: not there
};
std::optional<Rfc3164> parse_rfc3164(std::string_view text, std::int64_t received_ns);

}  // namespace stele::daemon
