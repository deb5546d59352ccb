// The reporter: what each benchmark gave, the marks of the design with what was reached of them, and ratios beside.
#pragma once

#include <benchmark/benchmark.h>

#include <vector>

#include "tests/bench/marks.h"

namespace stele::bench {

class Ratios : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& reports) override;
  void Finalize() override;

 private:
  Figures figures_;
};

}  // namespace stele::bench
