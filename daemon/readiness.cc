#include "daemon/readiness.h"

#include <boost/json/object.hpp>

namespace stele::daemon {

std::vector<NotReady> why_not_ready(const StatusFacts& facts) {
  std::vector<NotReady> reasons;
  const std::string& words = facts.anchoring.reason;
  if (facts.queue.failed) {
    reasons.push_back({"write_failed", "writing failed: nothing is acknowledged any more", true});
  }
  if (facts.queue.disk_full) reasons.push_back({"disk_full", "the disk is full", true});
  if (facts.queue.suspended) {
    reasons.push_back({"disk_low", "the disk is low: senders wait, as on.disk_low says", true});
  }
  switch (facts.anchoring.state) {
    case AnchorStatus::State::starting:
      reasons.push_back({"starting", "starting: " + words, false});
      break;
    case AnchorStatus::State::unavailable:
      reasons.push_back({"tpm_unavailable", "unavailable: " + words, false});
      break;
    case AnchorStatus::State::contended:
      reasons.push_back({"tpm_contended", "contended: " + words, false});
      break;
    case AnchorStatus::State::stopped:
      reasons.push_back({"anchoring_stopped", "stopped: " + words, true});
      break;
    case AnchorStatus::State::anchoring:
      if (!facts.ready) reasons.push_back({"starting", "starting: not yet ready", false});
      break;
  }
  if (facts.lag_ns() > std::chrono::nanoseconds(facts.lag_limit).count()) {
    reasons.push_back({"anchor_lag",
                       std::to_string(facts.unanchored()) + " records, the oldest for " +
                           std::to_string(facts.lag_ns() / 1'000'000'000) +
                           " s, wait for an anchor; anchor.lag_limit is " +
                           std::to_string(facts.lag_limit.count() / 1000) + " s",
                       false});
  }
  return reasons;
}

boost::json::array to_json(const std::vector<NotReady>& reasons) {
  boost::json::array array;
  for (const NotReady& one : reasons) {
    array.push_back(boost::json::object{
        {"reason", one.reason}, {"detail", one.detail}, {"critical", one.critical}});
  }
  return array;
}

}  // namespace stele::daemon
