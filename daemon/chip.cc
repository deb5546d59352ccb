#include "daemon/chip.h"

#include <fstream>
#include <sstream>

#include "attest/wear.h"

namespace stele::daemon {

Config with_chip_defaults(Config config) {
  std::ifstream file(config.data + "/trust", std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  const auto trust = attest::parse_trust(text.str());
  const attest::Endurance endurance =
      trust ? attest::endurance_of(trust->tpm_kind, trust->tpm_manufacturer, trust->tpm_model)
            : attest::endurance_of(attest::TpmKind::unknown, "", "");
  if (!config.heartbeat) config.heartbeat = std::chrono::milliseconds(endurance.heartbeat_ms);
  if (!config.assumed_cycles) config.assumed_cycles = static_cast<std::uint32_t>(endurance.cycles);
  return config;
}

}  // namespace stele::daemon
