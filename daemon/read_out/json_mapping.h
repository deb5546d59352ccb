// A JSON format: how it is recognised, and from which members each field is read.
//
// A member is named by a JSON pointer (RFC 6901); of several the first that holds a text, a number
// or a flag counts. The built-in formats are constants; the configuration adds more of the same
// kind. Thread safety: values. See: README.md, the mapping tables.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/read_out/read_out.h"

namespace stele::daemon {

struct JsonMapping {
  // What must be there for an event to be of this format: each sign, at one of its members.
  struct Sign {
    std::vector<std::string> pointers;
    std::string begins_with;  // empty: whatever it is
  };
  std::string format;
  std::vector<Sign> signs;
  std::array<std::vector<std::string>, kFieldCount> pointers;
  std::vector<std::string> time;  // RFC 3339 text, or a number: seconds or milliseconds since 1970
};

// [[read_out.json]]: bounds what is looked for in every JSON event.
constexpr std::size_t kMaxJsonMappings = 32;
constexpr std::size_t kMaxPointerBytes = 256;
bool is_json_pointer(std::string_view text);

}  // namespace stele::daemon
