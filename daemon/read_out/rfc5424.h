// A syslog message of RFC 5424, with its structured data.
//
// Strict: what the RFC does not allow is no message of this format (a duplicate SD-ID, a lower-case
// "t" in the timestamp, "\n" in a value). Values have their escapes taken away. Longest names are
// the RFC's: HOSTNAME 255, APP-NAME 48, PROCID 128, MSGID 32, SD names 32.
// Thread safety: pure. Errors: nothing comes back. Trust: the text may come from anyone.
// See: RFC 5424, section 6.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stele::daemon {

constexpr std::size_t kMaxSdElements = 64;  // more is refused: duplicates are searched in all pairs

struct Rfc5424 {
  struct Parameter {
    std::string_view element, name;
    std::string value;
  };
  unsigned priority = 0;
  unsigned version = 0;
  std::optional<std::int64_t> time_ns;
  // Empty: "-".
  std::string_view hostname, app_name, proc_id, message_id;
  std::vector<std::string_view> elements;  // SD-IDs
  std::vector<Parameter> parameters;
  std::string_view message;  // without a BOM
};
std::optional<Rfc5424> parse_rfc5424(std::string_view text);

}  // namespace stele::daemon
