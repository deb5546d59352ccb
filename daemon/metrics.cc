#include "daemon/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "daemon/readiness.h"
#include "daemon/timed_files.h"

namespace stele::daemon {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Label = ClientMetric::Label;

class Families {
 public:
  MetricFamily& family(const char* name, MetricType type, const char* help) {
    MetricFamily next;
    next.name = name;
    next.help = help;
    next.type = type;
    all_.push_back(std::move(next));
    return all_.back();
  }
  void gauge(const char* name, const char* help, double value) {
    add(family(name, MetricType::Gauge, help), {}, value);
  }
  void counter(const char* name, const char* help, std::uint64_t value) {
    add(family(name, MetricType::Counter, help), {}, static_cast<double>(value));
  }
  static void add(MetricFamily& family, std::vector<Label> labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (family.type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
    family.metric.push_back(std::move(metric));
  }
  static void add(MetricFamily& family, std::vector<Label> labels,
                  const DurationHistogram::Snapshot& times) {
    ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < times.counts.size(); ++i) {
      cumulative += times.counts[i];
      const bool last = i == DurationHistogram::kBounds.size();
      metric.histogram.bucket.push_back({cumulative, last ? std::numeric_limits<double>::infinity()
                                                          : DurationHistogram::kBounds[i]});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = times.sum_s;
    family.metric.push_back(std::move(metric));
  }
  const std::vector<MetricFamily>& all() const { return all_; }

 private:
  std::vector<MetricFamily> all_;
};

struct InputMetric {
  const char* name;
  MetricType type;
  const char* help;
  std::uint64_t InputCounters::*member;
};
constexpr std::array<InputMetric, 8> kInputMetrics{{
    {"stele_ingest_connections", MetricType::Gauge, "Senders connected now", &InputCounters::open},
    {"stele_ingest_connections_total", MetricType::Counter, "Senders that have connected",
     &InputCounters::accepted},
    {"stele_ingest_turned_away_total", MetricType::Counter, "Senders over the limit of connections",
     &InputCounters::turned_away},
    {"stele_ingest_evicted_total", MetricType::Counter,
     "Silent connections that gave way to new ones", &InputCounters::evicted},
    {"stele_ingest_records_total", MetricType::Counter, "Events handed to the sequencer",
     &InputCounters::events},
    {"stele_ingest_bytes_total", MetricType::Counter, "Bytes that brought those events",
     &InputCounters::bytes},
    {"stele_ingest_refused_total", MetricType::Counter,
     "Events not taken, their sender told or a gap recorded", &InputCounters::refused},
    {"stele_ingest_dropped_total", MetricType::Counter,
     "Events lost for want of room, each counted by a gap record", &InputCounters::dropped},
}};

void add_inputs(Families& families, const StatusFacts& status) {
  for (const InputMetric& each : kInputMetrics) {
    MetricFamily& family = families.family(each.name, each.type, each.help);
    for (const auto& [name, counters] : status.inputs) {
      Families::add(family, {{"input", name}}, static_cast<double>(counters.*each.member));
    }
  }
}

void add_storage(Families& families, const MetricFacts& facts) {
  const StatusFacts& status = facts.status;
  families.gauge("stele_queue_records", "Records received and not yet durable",
                 static_cast<double>(status.queue.queued_records));
  families.gauge("stele_queue_bytes", "Their bytes",
                 static_cast<double>(status.queue.queued_bytes));
  families.counter("stele_groups_total", "Groups made durable", status.queue.groups);
  families.gauge("stele_tree_size_records", "Records in the log",
                 static_cast<double>(status.head.size));
  families.gauge("stele_disk_free_bytes", "Free space where the log is",
                 static_cast<double>(status.disk_free_bytes));
  families.gauge("stele_disk_full", "1 while senders wait for space", status.queue.disk_full);
  families.gauge("stele_write_failed", "1 after a failed write or sync", status.queue.failed);
  if (status.look_up_behind) {
    families.gauge("stele_look_up_behind_records", "Records that the look-up has not been fed yet",
                   static_cast<double>(*status.look_up_behind));
  }
  MetricFamily& dropped = families.family(
      "stele_dropped_total", MetricType::Counter,
      "Events that found no room in the queue or on the disk, each counted by a gap record");
  std::map<std::string, std::uint64_t> by_reason = status.queue.dropped;
  for (const char* reason : {"disk_full", "disk_low", "queue_overflow"}) by_reason[reason];
  for (const auto& [reason, events] : by_reason) {
    Families::add(dropped, {{"reason", reason}}, static_cast<double>(events));
  }
  Families::add(families.family("stele_append_seconds", MetricType::Histogram,
                                "One group: hashes, write and sync"),
                {}, facts.append);
  Families::add(families.family("stele_fsync_seconds", MetricType::Histogram,
                                "One sync of a file of the log"),
                {}, facts.sync);
}

void add_anchoring(Families& families, const StatusFacts& status) {
  using State = AnchorStatus::State;
  const AnchorStatus& anchoring = status.anchoring;
  MetricFamily& anchors =
      families.family("stele_anchors_total", MetricType::Counter, "Anchors of the log, by kind");
  Families::add(anchors, {{"kind", "counter"}}, static_cast<double>(anchoring.counter_anchors));
  Families::add(anchors, {{"kind", "quote"}}, static_cast<double>(anchoring.quote_seq));
  MetricFamily& failures = families.family("stele_anchor_failures_total", MetricType::Counter,
                                           "Tries at anchoring that failed, by what came of them");
  for (const auto& [state, count] : {std::pair(State::unavailable, anchoring.failures_unavailable),
                                     std::pair(State::contended, anchoring.failures_contended),
                                     std::pair(State::stopped, anchoring.failures_stopped)}) {
    Families::add(failures, {{"result", std::string(name(state))}}, static_cast<double>(count));
  }
  MetricFamily& states =
      families.family("stele_anchor_state", MetricType::Gauge, "1 for the state that holds");
  for (const State state :
       {State::starting, State::anchoring, State::unavailable, State::contended, State::stopped}) {
    Families::add(states, {{"state", std::string(name(state))}},
                  state == anchoring.state ? 1.0 : 0.0);
  }
  families.gauge("stele_anchor_lag_seconds", "Age of the oldest record that no anchor covers",
                 static_cast<double>(status.lag_ns()) / 1e9);
  families.gauge("stele_anchor_lag_records", "Records that no anchor covers",
                 static_cast<double>(status.unanchored()));
  families.gauge("stele_anchor_lag_limit_seconds", "anchor.lag_limit: above it not ready",
                 static_cast<double>(status.lag_limit.count()) / 1e3);
  families.gauge("stele_counter_value", "The TPM's counter C",
                 static_cast<double>(anchoring.counter));
  const std::uint64_t writes =
      anchoring.counter - std::min(anchoring.counter, anchoring.first_counter);
  families.counter("stele_counter_writes_total", "Times this log has incremented C", writes);
  families.gauge("stele_wear_ratio", "Those writes of what the chip is assumed to stand",
                 status.assumed_cycles == 0
                     ? 0.0
                     : static_cast<double>(writes) / static_cast<double>(status.assumed_cycles));
}

std::string code_text(std::uint32_t code) {
  if (code == 0) return "other";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%x", code);
  return text.data();
}

void add_tpm(Families& families, const MetricFacts& facts) {
  MetricFamily& steps =
      families.family("stele_tpm_command_seconds", MetricType::Histogram,
                      "One step at the TPM: a command, or an audited session as a whole");
  for (const auto& [step, times] : facts.tpm_steps)
    Families::add(steps, {{"command", step}}, times);
  MetricFamily& errors = families.family("stele_tpm_errors_total", MetricType::Counter,
                                         "Steps that failed, by the TPM's response code");
  for (const auto& [code, count] : facts.tpm_errors) {
    Families::add(errors, {{"code", code_text(code)}}, static_cast<double>(count));
  }
  families.gauge("stele_tpm_reset_count", "The TPM's resets in its life, as it says",
                 facts.tpm_run.reset);
  families.gauge("stele_tpm_restart_count", "Its restarts and resumes since the last reset",
                 facts.tpm_run.restart);
}

// Places are told apart by their number in the configuration: a URL may name a customer.
void add_outward(Families& families, const StatusFacts& facts) {
  using Kind = OutwardStatus::Kind;
  for (const Kind kind : {Kind::witness, Kind::push}) {
    const std::string begin = std::string("stele_") + name(kind) + "_";
    std::vector<const OutwardStatus*> places;
    for (const OutwardStatus& place : facts.outward) {
      if (place.kind == kind) places.push_back(&place);
    }
    if (places.empty()) continue;
    const auto each = [&](const char* what, MetricType type, const char* help, auto value) {
      MetricFamily& family = families.family((begin + what).c_str(), type, help);
      for (std::size_t i = 0; i < places.size(); ++i) {
        Families::add(family, {{"place", std::to_string(i)}},
                      static_cast<double>(value(*places[i])));
      }
    };
    each("lag", MetricType::Gauge, "Records, or anchors of a push, that the place has not",
         [](const OutwardStatus& place) { return place.lag; });
    each("lag_seconds", MetricType::Gauge, "For how long the oldest of these has waited",
         [&](const OutwardStatus& place) { return facts.waited_s(place); });
    each("successes_total", MetricType::Counter, "What the place took",
         [](const OutwardStatus& place) { return place.successes; });
    each("failures_total", MetricType::Counter, "Tries that failed",
         [](const OutwardStatus& place) { return place.failures; });
    each("refused", MetricType::Gauge, "1: it has seen another history of this log",
         [](const OutwardStatus& place) {
           return place.state == OutwardStatus::State::refused ? 1 : 0;
         });
  }
}

}  // namespace

MetricFacts gather_metrics(const ControlledDaemon& daemon) {
  MetricFacts facts;
  facts.status = gather_status(daemon);
  facts.append = daemon.sequencer.append_times().snapshot();
  facts.sync = sync_times().snapshot();
  const TpmTimes& tpm = daemon.anchorer.tpm_times();
  for (std::size_t i = 0; i < TpmTimes::kSteps; ++i) {
    const auto step = static_cast<TpmTimes::Step>(i);
    facts.tpm_steps.emplace_back(TpmTimes::name(step), tpm.of(step).snapshot());
  }
  facts.tpm_errors = tpm.errors();
  facts.tpm_run = tpm.newest_run();
  return facts;
}

std::string metrics_text(const MetricFacts& facts) {
  Families families;
  Families::add(families.family("stele_build_info", MetricType::Gauge, "1, and which version"),
                {{"version", STELE_VERSION}}, 1.0);
  families.gauge("stele_start_time_seconds", "When this daemon started, in seconds since 1970",
                 static_cast<double>(facts.status.started_ns) / 1e9);
  families.gauge("stele_ready", "What /readyz says: 1 ready, 0 not",
                 why_not_ready(facts.status).empty() ? 1.0 : 0.0);
  add_inputs(families, facts.status);
  add_storage(families, facts);
  add_anchoring(families, facts.status);
  add_tpm(families, facts);
  add_outward(families, facts.status);
  if (!facts.witnessed.empty()) {
    MetricFamily& family = families.family("stele_witnessed_total", MetricType::Counter,
                                           "Checkpoints of other logs that were submitted here");
    for (const auto& [result, count] : facts.witnessed) {
      Families::add(family, {{"result", result}}, static_cast<double>(count));
    }
  }
  families.counter("stele_http_requests_total", "HTTP requests answered", facts.http_requests);
  families.counter("stele_http_refusals_total", "Of these with a status from 400 on",
                   facts.http_refusals);
  families.counter("stele_http_repeated_total", "Requests known by their Idempotency-Key",
                   facts.http_repeated);
  return prometheus::TextSerializer().Serialize(families.all());
}

}  // namespace stele::daemon
