// Runs the benchmarks interleaved, five times each unless told otherwise, and prints the ratios.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "tests/bench/ratios.h"

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  std::string repetitions = "--benchmark_repetitions=5";
  std::string interleaved = "--benchmark_enable_random_interleaving=true";
  std::string quick = "--benchmark_min_time=0.01";  // one pass over all events is long enough
  arguments.insert(arguments.begin() + 1, {repetitions.data(), interleaved.data(), quick.data()});
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 64;
  stele::bench::Ratios reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
