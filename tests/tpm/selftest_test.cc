// Goal: the selftest says what a chip does, touches nothing but its own scratch, and leaves none of
// it behind, whatever goes wrong. Method: swtpm, fresh and provisioned; every step interrupted.
#include "tpm/selftest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tpm/provisioned.h"
#include "tpm/inspect.h"

namespace stele::test {
namespace {

using tpm::kScratchCounter;
using tpm::kScratchExtend;

bool is_clean(tpm::Device& device) {
  return !tpm::name_at(device, kScratchCounter) && !tpm::name_at(device, kScratchExtend);
}

tpm::SelftestPlan plan_of(unsigned samples = 1) {
  tpm::SelftestPlan plan;
  plan.samples = samples;
  return plan;
}

TEST(Selftest, ASimulatorPassesAndIsLeftAsItWas) {
  Swtpm swtpm;
  tpm::Device device(swtpm.tcti());
  const tpm::SelftestReport report = tpm::selftest(device, plan_of(3));
  EXPECT_TRUE(report.passed());
  ASSERT_EQ(report.checks.size(), 5u);
  for (const tpm::Check& check : report.checks) {
    EXPECT_TRUE(check.passed) << check.name << ": " << check.detail;
  }
  ASSERT_EQ(report.latencies.size(), 9u);
  for (const tpm::Latency& one : report.latencies) {
    EXPECT_EQ(one.samples, 3u);
    EXPECT_GT(one.least_ms, 0) << one.command;
    EXPECT_LE(one.least_ms, one.median_ms) << one.command;
    EXPECT_LE(one.median_ms, one.most_ms) << one.command;
  }
  EXPECT_GT(report.clock_update_ms, 0u);
  EXPECT_TRUE(is_clean(device));
}

TEST(Selftest, InterruptedAtAnyStepItLeavesNothingBehind) {
  Swtpm swtpm;
  tpm::Device device(swtpm.tcti());
  int steps = 0;
  for (int stop = 1; stop < 100; ++stop) {
    int step = 0;
    tpm::SelftestPlan plan = plan_of();
    plan.progress = [&](std::string_view) {
      if (++step == stop) throw std::runtime_error("enough");
    };
    try {
      tpm::selftest(device, plan);
      break;
    } catch (const std::runtime_error& error) {
      ASSERT_STREQ(error.what(), "enough");
      ++steps;
    }
    ASSERT_TRUE(is_clean(device)) << stop;
  }
  EXPECT_EQ(steps, 14);  // five checks and nine commands
}

TEST(Selftest, ALogOnTheSameTpmGoesOnUndisturbed) {
  Provisioned log;
  const tpm::IndexState before = tpm::read_indexes(*log.device, log.credentials());
  tpm::SelftestPlan plan = plan_of();
  EXPECT_TRUE(tpm::selftest(*log.device, plan).latencies.empty()) << "endorsement is locked";
  plan.endorsement_auth = log.credentials().endorsement_auth;
  EXPECT_EQ(tpm::selftest(*log.device, plan).latencies.size(), 9u);
  const tpm::IndexState after = tpm::read_indexes(*log.device, log.credentials());
  EXPECT_EQ(after.counter, before.counter);
  EXPECT_EQ(after.extend, before.extend);
  const attest::Statement statement = log.next_statement();
  const attest::Receipt receipt = tpm::full_anchor(*log.device, log.credentials(), statement);
  EXPECT_EQ(receipt.audit->counter, before.counter + 1);
}

TEST(Selftest, ALockedOwnerHierarchyIsNeverGuessedAt) {
  Provisioned log(attest::Mode::a);
  EXPECT_THROW(tpm::selftest(*log.device, plan_of()), tpm::SelftestRefused);
  EXPECT_EQ(tpm::inspect(*log.device).lockout.failed_tries, 0u);
  tpm::SelftestPlan plan = plan_of();
  plan.owner_auth = log.plan.owner_auth;
  EXPECT_TRUE(tpm::selftest(*log.device, plan).passed());
  EXPECT_TRUE(is_clean(*log.device));
}

TEST(Selftest, ValuesSurviveAPowerCycleInTwoSteps) {
  for (const Swtpm::Power power : {Swtpm::Power::unclean, Swtpm::Power::clean}) {
    Provisioned log;
    const tpm::BeforePowerCycle before = tpm::before_power_cycle(*log.device, plan_of());
    EXPECT_THROW(tpm::after_power_cycle(*log.device, plan_of(), before), tpm::SelftestRefused)
        << "without a power cycle there is nothing to see";
    EXPECT_THROW(tpm::selftest(*log.device, plan_of()), tpm::SelftestRefused)
        << "the handles are in use";
    log.power_cycle(power);
    const tpm::SelftestReport report = tpm::after_power_cycle(*log.device, plan_of(), before);
    EXPECT_TRUE(report.passed());
    EXPECT_EQ(report.checks.size(), 3u);
    EXPECT_TRUE(is_clean(*log.device));
  }
}

TEST(Selftest, AValueThatDidNotSurviveIsAFailure) {
  Provisioned log;
  tpm::BeforePowerCycle before = tpm::before_power_cycle(*log.device, plan_of());
  log.power_cycle(Swtpm::Power::clean);
  ++before.counter;
  before.extend.bytes[0] ^= 1;
  const tpm::SelftestReport report = tpm::after_power_cycle(*log.device, plan_of(), before);
  EXPECT_FALSE(report.passed());
  EXPECT_FALSE(report.checks[0].passed);
  EXPECT_FALSE(report.checks[1].passed);
  EXPECT_TRUE(is_clean(*log.device)) << "also after a failure";
}

TEST(Selftest, WhatAnInterruptedOneLeftIsRemovedOnRequest) {
  Swtpm swtpm;
  tpm::Device device(swtpm.tcti());
  EXPECT_EQ(tpm::clean_scratch(device, plan_of()), 0u);
  tpm::before_power_cycle(device, plan_of());
  EXPECT_EQ(tpm::clean_scratch(device, plan_of()), 2u);
  EXPECT_TRUE(is_clean(device));
}

TEST(Inspect, TellsLocksLockoutAndClock) {
  Provisioned log(attest::Mode::a);
  const tpm::Inspection found = tpm::inspect(*log.device);
  EXPECT_TRUE(found.kind.simulator);
  EXPECT_TRUE(found.hierarchies.owner_set && found.hierarchies.lockout_set);
  EXPECT_TRUE(found.hierarchies.endorsement_set && found.hierarchies.clear_disabled);
  EXPECT_FALSE(found.lockout.is_locked);
  EXPECT_GT(found.lockout.max_tries, 0u);
  EXPECT_GT(found.clock.clock_ms, 0u);
  EXPECT_EQ(tpm::name_at(*log.device, log.credentials().counter_handle),
            log.identity().counter_name);
  EXPECT_FALSE(tpm::name_at(*log.device, kScratchCounter));
}

}  // namespace
}  // namespace stele::test
