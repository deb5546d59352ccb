// Goal: what is assumed of a chip, used and left is told as the table says, and never more. Method:
// every row and its neighbours; projections whose result is known.
#include "attest/wear.h"

#include <gtest/gtest.h>

namespace stele::attest {
namespace {

constexpr std::int64_t kDayNs = std::int64_t{86'400} * 1'000'000'000;

TEST(Wear, OnlyWhatAMakerStatesIsMoreThanAHundredThousand) {
  EXPECT_EQ(endurance_of(TpmKind::discrete, "STM", "ST33GTPMISPI").cycles, 500'000u);
  EXPECT_EQ(endurance_of(TpmKind::discrete, "STM", "ST33GTPMISPI").heartbeat_ms, 900'000u);
  for (const char* model : {"", "ST33", "ST33TPHF2ESPI", "XST33GTPM"}) {
    EXPECT_EQ(endurance_of(TpmKind::discrete, "STM", model).cycles, 100'000u) << model;
    EXPECT_EQ(endurance_of(TpmKind::discrete, "STM", model).heartbeat_ms, 3'600'000u) << model;
  }
  EXPECT_EQ(endurance_of(TpmKind::discrete, "IFX", "ST33GTPMISPI").cycles, 100'000u);
  for (const TpmKind kind : {TpmKind::firmware, TpmKind::virtual_, TpmKind::unknown}) {
    EXPECT_EQ(endurance_of(kind, "", "").cycles, 100'000u);
  }
  EXPECT_EQ(endurance_of(TpmKind::simulator, "IBM", "SW TPM").cycles, 0u);
  EXPECT_FALSE(endurance_of(TpmKind::unknown, "", "").source.empty());
}

TEST(Wear, AnHourLastsElevenYearsOnAHundredThousand) {
  const Wear first_day = project_wear(0, 100'000, 0, kDayNs / 2, 3'600'000);
  EXPECT_DOUBLE_EQ(first_day.per_day, 24.0);
  ASSERT_TRUE(first_day.end_ns);
  EXPECT_EQ((*first_day.end_ns - kDayNs / 2) / kDayNs, 4166);
  const Wear later = project_wear(1'000, 100'000, 0, 10 * kDayNs, 3'600'000);
  EXPECT_DOUBLE_EQ(later.per_day, 100.0);
  EXPECT_EQ(*later.end_ns / kDayNs, 10 + 990);
}

TEST(Wear, WhatDoesNotWearOrOutlastsUsHasNoEnd) {
  EXPECT_FALSE(project_wear(5, 0, 0, 10 * kDayNs, 1'000).end_ns);
  EXPECT_FALSE(project_wear(1, 100'000, 0, 10 * kDayNs, 1'000).end_ns);
  EXPECT_FALSE(project_wear(0, 100'000, 0, 10 * kDayNs, 1'000).end_ns);
  EXPECT_EQ(*project_wear(200'000, 100'000, 0, 10 * kDayNs, 1'000).end_ns, 10 * kDayNs);
  EXPECT_EQ(project_wear(200'000, 100'000, 0, 10 * kDayNs, 1'000).used_percent(), 100u);
  EXPECT_EQ(project_wear(5, 0, 0, 10 * kDayNs, 1'000).used_percent(), 0u);
  // A clock before the log's beginning is no past to judge by.
  EXPECT_DOUBLE_EQ(project_wear(9, 100'000, 10 * kDayNs, 0, 3'600'000).per_day, 24.0);
}

TEST(Wear, EachPercentageIsPassedAtItsFirstWrite) {
  EXPECT_EQ(wear_passed(49'999, 100'000), 0u);
  EXPECT_EQ(wear_passed(50'000, 100'000), 50u);
  EXPECT_EQ(wear_passed(79'999, 100'000), 50u);
  EXPECT_EQ(wear_passed(80'000, 100'000), 80u);
  EXPECT_EQ(wear_passed(1'000'000, 100'000), 80u);
  EXPECT_EQ(wear_passed(1'000'000, 0), 0u);
  EXPECT_EQ(wear_passed(4, 9), 0u);  // few cycles: rounded up
  EXPECT_EQ(wear_passed(5, 9), 50u);
  EXPECT_EQ(wear_passed(0, 1), 0u);
}

}  // namespace
}  // namespace stele::attest
