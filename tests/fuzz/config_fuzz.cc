#include "daemon/config.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(config) {
  Config config;
  try {
    apply_config(config, {reinterpret_cast<const char*>(input.data()), input.size()}, "input");
  } catch (const ConfigError&) {
    return false;
  }
  Config again;
  apply_config(again, to_toml(config), "shown");
  ENSURE(to_toml(again) == to_toml(config));
  return true;
}
