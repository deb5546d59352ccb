// The routes that say how the daemon is: /healthz, /readyz, /version, /metrics.
//
// Thread safety: as RouteTable; what they tell is gathered when asked.
#pragma once

#include "daemon/controlled_daemon.h"
#include "daemon/http/routes.h"
#include "daemon/metrics.h"

namespace stele::daemon {

// count: what only the HTTP service knows.
void add_monitoring_routes(RouteTable& routes, const ControlledDaemon& daemon,
                           std::function<void(MetricFacts&)> count);

}  // namespace stele::daemon
