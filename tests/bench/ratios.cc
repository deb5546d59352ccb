#include "tests/bench/ratios.h"

#include <iomanip>
#include <iostream>

namespace stele::bench {
namespace {

// Interesting beside the marks, and none: the design aims at none of them.
struct Row {
  const char* ours;
  const char* ceiling;
};
constexpr Row kRows[] = {
    {"append_in_process", "ceiling/hash_write_sync"}, {"append_through_socket", "ceiling/hash_write_sync"},
    {"ingest/packer:1", "ingest/packer:0"},           {"ingest/packer:2", "ingest/packer:0"},
    {"verify/jobs:1", "ceiling/verify/jobs:1"},       {"verify/jobs:2", "ceiling/hash"},
    {"verify_packed/jobs:1", "ceiling/verify/jobs:1"}, {"verify_packed/jobs:2", "ceiling/verify/jobs:2"},
};

std::string name_of(const benchmark::BenchmarkReporter::Run& run) {
  std::string name = run.benchmark_name();
  for (const char* ending : {"/real_time", "/iterations:1"}) {
    const std::size_t at = name.find(ending);
    if (at != std::string::npos) name.erase(at, std::string(ending).size());
  }
  const std::size_t repeats = name.find("/repeats:");
  if (repeats != std::string::npos) name.erase(repeats);
  return name;
}

}  // namespace

void Ratios::ReportRuns(const std::vector<Run>& reports) {
  ConsoleReporter::ReportRuns(reports);
  for (const Run& run : reports) {
    if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
    const std::string name = name_of(run);
    figures_[{name, "ms"}].push_back(run.real_accumulated_time / static_cast<double>(run.iterations) * 1e3);
    for (const auto& [counter, value] : run.counters) {
      if (counter == "items_per_second") {
        figures_[{name, "rate"}].push_back(value);
      } else if (counter == "bytes_per_second") {
        figures_[{name, "megabytes"}].push_back(value / 1e6);
      } else {
        figures_[{name, counter}].push_back(value);
      }
    }
  }
}

void Ratios::Finalize() {
  ConsoleReporter::Finalize();
  std::cout << "\nwhat the design aims at, by the medians of this run\n";
  for (const Mark& mark : marks()) std::cout << "  " << line(mark, judge(mark, figures_)) << "\n";
  std::cout << "beside peers (tools/bench --peers): sealed journald, rsyslog, processor time, memory, a proof's size\n"
               "\nmedians, events a second, and ratios that nothing is aimed at\n";
  for (const Row& row : kRows) {
    const Judged judged = judge({"", {row.ours, "rate"}, {row.ceiling, "rate"}, Bound::at_least, 0}, figures_);
    if (judged.outcome == Outcome::not_run) continue;
    std::cout << "  " << std::left << std::setw(24) << row.ours << std::right << std::fixed << std::setprecision(0)
              << std::setw(10) << judged.ours << "  of " << std::setw(10) << judged.beside << " (" << row.ceiling << ")"
              << std::setprecision(2) << "  ratio " << judged.figure << "\n";
  }
}

}  // namespace stele::bench
