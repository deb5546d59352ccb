// What was injected for one family of faults, and what came of it; ends as one line of the report.
//
// Thread safety: a value.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <string>

namespace stele::test {

struct Tally {
  std::uint64_t injected = 0;
  std::uint64_t lost = 0;          // what was acknowledged or begun, and did not come to its end
  std::uint64_t false_alarms = 0;  // an accident taken for an attack
  std::uint64_t missed = 0;        // a fault not seen, or not named as what it is

  // Prints the line that the test command collects, and fails unless all but `injected` are zero.
  void report(int family, const std::string& what) const {
    std::cout << "family " << family << ": injected " << injected << ", lost " << lost
              << ", false alarms " << false_alarms << ", missed " << missed << " (" << what << ")"
              << std::endl;
    EXPECT_GT(injected, 0u);
    EXPECT_EQ(lost + false_alarms + missed, 0u) << "family " << family << ", " << what;
  }
};

}  // namespace stele::test
