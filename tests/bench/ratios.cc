#include "tests/bench/ratios.h"

#include <algorithm>
#include <iomanip>
#include <iostream>

namespace stele::bench {
namespace {

// Which ceiling stands over which of ours, and the first mark to reach.
struct Row {
  const char* ours;
  const char* ceiling;
  double mark;
};
constexpr Row kRows[] = {
    {"append_in_process", "ceiling/hash_write_sync", 0.0},
    {"append_through_socket", "ceiling/hash_write_sync", 0.5},
    {"ingest/packing:1", "ingest/packing:0", 0.0},
    {"verify/jobs:1", "ceiling/hash", 0.5},
    {"verify/jobs:2", "ceiling/hash", 0.5},
    {"verify_packed/jobs:1", "ceiling/hash", 0.5},
    {"verify_packed/jobs:2", "ceiling/hash", 0.5},
    {"acknowledged/1/1", "ceiling/acknowledged/1/1", 0.8},
    {"acknowledged/64/1", "ceiling/acknowledged/64/1", 0.8},
    {"acknowledged/8/64", "ceiling/acknowledged/8/64", 0.8},
    {"acknowledged/8/1000", "ceiling/acknowledged/8/1000", 0.8},
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

void Ratios::ReportRuns(const std::vector<Run>& reports) {
  ConsoleReporter::ReportRuns(reports);
  for (const Run& run : reports) {
    if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
    const auto rate = run.counters.find("items_per_second");
    std::string name = run.benchmark_name();
    for (const char* ending : {"/real_time", "/iterations:1"}) {
      const std::size_t at = name.find(ending);
      if (at != std::string::npos) name.erase(at, std::string(ending).size());
    }
    const std::size_t repeats = name.find("/repeats:");
    if (repeats != std::string::npos) name.erase(repeats);
    if (rate != run.counters.end()) rates_[name].push_back(rate->second);
  }
}

void Ratios::Finalize() {
  ConsoleReporter::Finalize();
  std::cout << "\nmedians, events a second, and the ratio to the ceiling of the same run\n";
  for (const Row& row : kRows) {
    if (rates_[row.ours].empty() || rates_[row.ceiling].empty()) continue;
    const double ours = median(rates_[row.ours]);
    const double ceiling = median(rates_[row.ceiling]);
    std::cout << std::left << std::setw(24) << row.ours << std::right << std::fixed << std::setprecision(0)
              << std::setw(10) << ours << "  of " << std::setw(10) << ceiling << " (" << row.ceiling << ")"
              << std::setprecision(2) << "  ratio " << ours / ceiling;
    if (row.mark > 0) std::cout << (ours / ceiling >= row.mark ? "  reaches " : "  MISSES ") << row.mark;
    std::cout << "\n";
  }
}

}  // namespace stele::bench
