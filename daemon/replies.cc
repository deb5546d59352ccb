#include "daemon/replies.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "attest/base64.h"
#include "attest/rfc3339.h"
#include "attest/wear.h"
#include "daemon/readiness.h"

namespace stele::daemon {
namespace {

namespace json = boost::json;

json::value time_or_null(std::int64_t time_ns) {
  if (time_ns == 0) return nullptr;
  return json::value(attest::to_rfc3339(time_ns));
}

double in_seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

json::object anchoring_of(const StatusFacts& facts) {
  const AnchorStatus& status = facts.anchoring;
  const bool exposed = facts.unanchored() > 0 && facts.exposed_since_ns != 0;
  return {
      {"state", name(status.state)},
      {"reason", status.reason},
      {"mode", status.mode},
      {"counter_anchors", status.counter_anchors},
      {"quote_seq", status.quote_seq},
      {"counter_anchored", status.counter_anchored},
      {"anchored", status.anchored},
      {"unanchored", facts.unanchored()},
      {"newest", time_or_null(status.newest_ns)},
      {"counter", status.counter},
      {"odometer", status.counter - std::min(status.counter, status.first_counter)},
      {"critical_waiting", status.critical_waiting},
      {"lag_records", facts.unanchored()},
      {"lag_s", in_seconds(facts.lag_ns())},
      {"tpm_busy_s",
       status.working_since_ns == 0
           ? 0.0
           : in_seconds(std::max<std::int64_t>(0, facts.now_ns - status.working_since_ns))},
      {"unanchored_since", exposed ? time_or_null(facts.exposed_since_ns) : json::value(nullptr)}};
}

json::object wear_of(const StatusFacts& facts) {
  const AnchorStatus& status = facts.anchoring;
  const attest::Wear wear = attest::project_wear(
      status.counter - std::min(status.counter, status.first_counter), facts.assumed_cycles,
      facts.created_ns, facts.now_ns, static_cast<std::uint64_t>(facts.heartbeat.count()));
  return {{"counter_writes", wear.writes},
          {"assumed_cycles", wear.cycles},
          {"used_percent", wear.used_percent()},
          {"passed_percent", attest::wear_passed(wear.writes, wear.cycles)},
          {"per_day", wear.per_day},
          {"projected_end", time_or_null(wear.end_ns.value_or(0))}};
}

json::object counters_of(const InputCounters& counters) {
  return {{"connections", counters.open},        {"accepted", counters.accepted},
          {"turned_away", counters.turned_away}, {"evicted", counters.evicted},
          {"events", counters.events},           {"refused", counters.refused},
          {"dropped", counters.dropped}};
}

json::array outward_of(const StatusFacts& facts) {
  json::array places;
  for (const OutwardStatus& place : facts.outward) {
    json::object one{{"kind", name(place.kind)},
                     {"place", place.place},
                     {"state", name(place.state)},
                     {"reason", place.reason},
                     {"through", place.through},
                     {"lag", place.lag},
                     {"lag_s", facts.waited_s(place)},
                     {"newest", time_or_null(place.newest_ns)},
                     {"successes", place.successes},
                     {"failures", place.failures}};
    if (place.kind == OutwardStatus::Kind::witness) one["clock_off_s"] = place.clock_off_s;
    places.push_back(std::move(one));
  }
  return places;
}

json::object ingest_of(const StatusFacts& facts) {
  json::object all = counters_of(facts.ingest);
  json::object inputs;
  for (const auto& [name, counters] : facts.inputs) inputs[name] = counters_of(counters);
  all["inputs"] = std::move(inputs);
  return all;
}

}  // namespace

std::string status_line(const StatusFacts& facts) {
  const std::vector<NotReady> not_ready = why_not_ready(facts);
  std::uint64_t dropped = 0;
  json::object dropped_because;
  for (const auto& [reason, events] : facts.queue.dropped) {
    dropped += events;
    dropped_because[reason] = events;
  }
  const json::object status{
      {"schema", "stele.status/1"},
      {"daemon",
       {{"version", STELE_VERSION},
        {"pid", ::getpid()},
        {"started", attest::to_rfc3339(facts.started_ns)},
        {"ready", facts.ready},
        {"confined", facts.confined}}},
      {"log",
       {{"origin", facts.origin},
        {"id", attest::to_hex(facts.log_id)},
        {"size", facts.head.size},
        {"root", attest::to_hex(facts.head.root)},
        {"disk_free_bytes", facts.disk_free_bytes}}},
      {"anchoring", anchoring_of(facts)},
      {"wear", wear_of(facts)},
      {"queue",
       {{"records", facts.queue.queued_records},
        {"bytes", facts.queue.queued_bytes},
        {"groups", facts.queue.groups},
        {"disk_full", facts.queue.disk_full},
        {"disk_low", facts.queue.disk_low},
        {"suspended", facts.queue.suspended},
        {"dropped", dropped},
        {"dropped_because", dropped_because},
        {"writing_s", in_seconds(facts.queue.writing.count())},
        {"failed", facts.queue.failed}}},
      {"look_up",
       {{"in_use", facts.look_up_behind.has_value()},
        {"behind", facts.look_up_behind.value_or(0)}}},
      {"ingest", ingest_of(facts)},
      {"outward", outward_of(facts)},
      {"readiness", {{"ready", not_ready.empty()}, {"reasons", to_json(not_ready)}}}};
  return json::serialize(json::object{{"ok", true}, {"status", status}}) + "\n";
}

std::string record_object(const storage::StoredRecord& record) {
  std::string kind(attest::name(record.leaf.kind));
  if (kind == "unknown") kind = "kind-" + std::to_string(static_cast<unsigned>(record.leaf.kind));
  json::value source = nullptr;
  if (record.leaf.source != attest::kNoSource) source = record.leaf.source;
  const json::object object{{"index", record.index},
                            {"kind", kind},
                            {"time_ns", record.leaf.time_ns},
                            {"source", source},
                            {"leaf", attest::to_hex(record.encoded_leaf)},
                            {"leaf_hash", attest::to_hex(attest::leaf_hash(record.encoded_leaf))},
                            {"salt", attest::to_hex(record.salt)},
                            {"tlvs", attest::to_base64(record.tlvs)},
                            {"bytes", attest::to_base64(record.bytes)},
                            {"erased", record.erased}};
  return json::serialize(object);
}

std::string record_line(const storage::StoredRecord& record) {
  return "{\"record\":" + record_object(record) + "}\n";
}

std::string refusal_line(int exit_code, std::string_view message) {
  const json::object refusal{{"ok", false}, {"exit", exit_code}, {"message", message}};
  return json::serialize(refusal) + "\n";
}

}  // namespace stele::daemon
