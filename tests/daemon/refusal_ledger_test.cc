// Goal: a flood of refusals leaves so many records and no more, none of them goes uncounted, and
// one caller's flood hides nobody else's. Method: times are made up; nothing waits.
#include "daemon/refusal_ledger.h"

#include <gtest/gtest.h>

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

RefusalLedger::Time at(std::chrono::milliseconds time) {
  return RefusalLedger::Time{} + 1h + time;
}

TEST(RefusalLedger, RecordsABurstThenOneEachRefillAndCountsTheOthers) {
  RefusalLedger ledger;
  std::uint64_t recorded = 0, told = 0;
  constexpr std::uint64_t kFlood = 60'000;
  for (std::uint64_t i = 0; i < kFlood; ++i) {
    if (!ledger.may_record("a", at(std::chrono::milliseconds(i)))) continue;
    ++recorded;
    told += ledger.take_unrecorded("a");
  }
  EXPECT_EQ(recorded, kRefusalBurst + (kFlood - 1) * 1ms / kRefusalRefill);
  EXPECT_EQ(recorded + told + ledger.take_unrecorded("a"), kFlood);
  EXPECT_EQ(ledger.take_unrecorded("a"), 0u);
}

TEST(RefusalLedger, OneCallersFloodHidesNobodyElse) {
  RefusalLedger ledger;
  for (int i = 0; i < 1000; ++i) (void)ledger.may_record("a", at(0s));
  EXPECT_TRUE(ledger.may_record("b", at(0s)));
  EXPECT_EQ(ledger.take_unrecorded("b"), 0u);
  EXPECT_EQ(ledger.take_unrecorded("a"), 1000u - kRefusalBurst);
}

TEST(RefusalLedger, WhatCouldNotBeToldIsToldLater) {
  RefusalLedger ledger;
  ledger.give_back("a", 7, at(0s));
  ledger.give_back("a", 0, at(0s));
  EXPECT_EQ(ledger.take_unrecorded("a"), 7u);
}

TEST(RefusalLedger, RemembersSoManyCallersAndTheOthersTogetherAndForgetsNoCount) {
  RefusalLedger ledger;
  std::uint64_t refused = 0, recorded = 0, told = 0;
  const auto flood = [&](const std::string& caller, RefusalLedger::Time time) {
    for (std::uint32_t i = 0; i < kRefusalBurst + 5; ++i, ++refused)
      recorded += ledger.may_record(caller, time) ? 1 : 0;
  };
  for (std::size_t i = 0; i < kMaxRefusedCallers; ++i) flood(std::to_string(i), at(0s));
  flood("x", at(0s));
  flood("y", at(0s));
  EXPECT_EQ(recorded, (kMaxRefusedCallers + 1) * kRefusalBurst);
  // An hour later everybody's bucket is full; those that nothing is owed of make room.
  told += ledger.take_unrecorded("0");
  flood("z", at(1h));
  EXPECT_EQ(ledger.take_unrecorded("z"), 5u);
  told += 5;
  for (std::size_t i = 1; i < kMaxRefusedCallers; ++i)
    told += ledger.take_unrecorded(std::to_string(i));
  told += ledger.take_unrecorded("x");  // with y's
  EXPECT_EQ(recorded + told, refused);
}

}  // namespace
}  // namespace stele::daemon
