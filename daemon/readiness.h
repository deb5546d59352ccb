// Readiness: whether this daemon does all that it is there for, and if not, why.
//
// The one place that decides: /readyz, status and `stele status --check` tell what it says.
// Thread safety: pure.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "daemon/status_facts.h"

namespace stele::daemon {

struct NotReady {
  std::string reason;     // starting, write_failed, disk_full, disk_low, tpm_unavailable,
                          // tpm_contended, anchoring_stopped, anchor_lag
  std::string detail;     // for a person
  bool critical = false;  // a person must come: it does not mend itself, or events are at stake
};
std::vector<NotReady> why_not_ready(const StatusFacts& facts);
// [{"critical":false,"detail":"…","reason":"anchor_lag"}]
boost::json::array to_json(const std::vector<NotReady>& reasons);

}  // namespace stele::daemon
