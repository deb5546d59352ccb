// The reporter: prints each benchmark's median rate and its ratio to the ceiling measured in the same run.
#pragma once

#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <vector>

namespace stele::bench {

class Ratios : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& reports) override;
  void Finalize() override;

 private:
  std::map<std::string, std::vector<double>> rates_;  // events a second, of every repetition
};

}  // namespace stele::bench
