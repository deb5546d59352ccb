// Goal: what the configuration leaves open follows the chip, what it sets holds. Method: trust
// files for several chips, and none.
#include "daemon/chip.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/paper_log.h"
#include "tests/support/scratch.h"

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

Config config_for(const test::Scratch& scratch, attest::TpmKind kind, const char* manufacturer,
                  const char* model) {
  attest::TrustFile trust = test::PaperLog().trust;
  trust.tpm_kind = kind;
  trust.tpm_manufacturer = manufacturer;
  trust.tpm_model = model;
  std::ofstream(scratch / "trust") << attest::to_text(trust);
  Config config;
  config.data = scratch.path().string();
  return config;
}

TEST(Chip, SetsWhatTheConfigurationLeavesOpen) {
  const test::Scratch scratch;
  Config config = config_for(scratch, attest::TpmKind::discrete, "STM", "ST33GTPMISPI");
  EXPECT_EQ(with_chip_defaults(config).heartbeat, 15min);
  EXPECT_EQ(with_chip_defaults(config).assumed_cycles, 500'000u);
  config = config_for(scratch, attest::TpmKind::discrete, "IFX", "SLB9670");
  EXPECT_EQ(with_chip_defaults(config).heartbeat, 1h);
  EXPECT_EQ(with_chip_defaults(config).assumed_cycles, 100'000u);
  config = config_for(scratch, attest::TpmKind::simulator, "IBM", "SW TPM");
  EXPECT_EQ(with_chip_defaults(config).heartbeat, 1min);
  EXPECT_EQ(with_chip_defaults(config).assumed_cycles, 0u);
  EXPECT_NE(to_toml(with_chip_defaults(config)).find("anchor.heartbeat = '1min'"),
            std::string::npos)
      << "the sealed configuration names the value that holds";
}

TEST(Chip, WhatIsConfiguredHolds) {
  const test::Scratch scratch;
  Config config = config_for(scratch, attest::TpmKind::simulator, "IBM", "SW TPM");
  config.heartbeat = 2s;
  config.assumed_cycles = 250'000;
  EXPECT_EQ(with_chip_defaults(config).heartbeat, 2s);
  EXPECT_EQ(with_chip_defaults(config).assumed_cycles, 250'000u);
}

TEST(Chip, WithoutATrustFileTheChipIsUnknown) {
  const test::Scratch scratch;
  Config config;
  config.data = scratch.path().string();
  EXPECT_EQ(with_chip_defaults(config).heartbeat, 1h);
  EXPECT_EQ(with_chip_defaults(config).assumed_cycles, 100'000u);
  std::ofstream(scratch / "trust") << "not a trust file";
  EXPECT_EQ(with_chip_defaults(config).assumed_cycles, 100'000u);
}

}  // namespace
}  // namespace stele::daemon
