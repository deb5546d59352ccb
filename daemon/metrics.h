// The metrics of a daemon in Prometheus' text format.
//
// Everything is gathered when asked: nothing is counted per event. Labels have few values, known
// beforehand but for TPM error codes, of which at most 64 are told apart.
// Thread safety: gather_metrics() from any thread. Blocks: as gather_status(). See: README.md.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "daemon/duration_histogram.h"
#include "daemon/status_facts.h"

namespace stele::daemon {

struct MetricFacts {
  StatusFacts status;
  DurationHistogram::Snapshot append;
  DurationHistogram::Snapshot sync;
  std::vector<std::pair<std::string, DurationHistogram::Snapshot>> tpm_steps;
  std::map<std::uint32_t, std::uint64_t> tpm_errors;  // by code
  attest::Run tpm_run;
  std::uint64_t http_requests = 0;
  std::uint64_t http_refusals = 0;
  std::uint64_t http_repeated = 0;
  std::map<std::string, std::uint64_t> witnessed;  // checkpoints of other logs, by result
};
MetricFacts gather_metrics(const ControlledDaemon& daemon);
std::string metrics_text(const MetricFacts& facts);

}  // namespace stele::daemon
