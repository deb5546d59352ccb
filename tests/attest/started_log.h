// What the tests of the time rules begin with: a log on paper that has started, and what its verdict finds.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/paper_log.h"

namespace stele::test {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kYearMs = 365 * 24 * kHourMs;

// Whether a finding is there; the log is verified in any case.
inline bool found(const PaperLog& log, attest::Finding finding) {
  const attest::Report report = log.appraise();
  EXPECT_EQ(report.conclusion, attest::Conclusion::verified) << to_text(report);
  return has(report, finding);
}

inline PaperLog started() {
  PaperLog log;
  log.start();
  log.events(2);
  log.quote();
  return log;
}

}  // namespace stele::test
