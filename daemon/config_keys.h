// The table of configuration keys: for each its name, unit, range, reason, and how it is set and
// shown.
//
// The one place to add a key: reading, messages, describe_config() and to_toml() all follow from
// it. Thread safety: immutable after first use. Errors: set() returns what is wrong, or an empty
// string.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

// toml++ 3.3 takes for granted what it is about to check: "[=]" reaches an assumption that is an abort
// in debug builds and undefined in others. Without the assumption its own check refuses the text.
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expression) static_assert(true)
#include <toml++/toml.h>

#include "daemon/config.h"

namespace stele::daemon {

struct ConfigKey {
  std::string name;     // "anchor.heartbeat": table, then key
  std::string unit;     // "duration", "bytes", "records", "path", …
  std::string allowed;  // as a sentence goes on: "a duration from 100ms to 30d, such as \"1h\""
  std::string reason;   // why it exists, why this default
  std::function<bool(Config&, const toml::node&)>
      set;                                         // false: not what is allowed; nothing changed
  std::function<std::string(const Config&)> show;  // the value as TOML
};
const std::vector<ConfigKey>& config_keys();
const ConfigKey* find_config_key(std::string_view name);

}  // namespace stele::daemon
