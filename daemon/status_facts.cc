#include "daemon/status_facts.h"

#include <filesystem>
#include <system_error>

#include "daemon/wall_clock.h"

namespace stele::daemon {

StatusFacts gather_status(const ControlledDaemon& daemon) {
  StatusFacts facts;
  facts.origin = daemon.genesis.origin;
  facts.log_id = daemon.sequencer.store().log_id();
  facts.anchoring = daemon.anchorer.status();  // before the head: what is anchored is in the head
  facts.head = daemon.sequencer.head();
  facts.queue = daemon.sequencer.status();
  facts.look_up_behind = daemon.finder.behind();
  facts.ingest = daemon.ingest.counters();
  for (const auto& [name, input] : daemon.ingest.each()) {
    facts.inputs.emplace_back(name, input->counters());
  }
  facts.ready = daemon.ready;
  facts.confined = daemon.confined;
  facts.created_ns = daemon.genesis.created_ns;
  facts.started_ns = daemon.started_ns;
  facts.now_ns = now_ns();
  facts.heartbeat = daemon.config.heartbeat.value();  // the service has set what was left open
  facts.lag_limit = daemon.config.anchor_lag_limit;
  facts.assumed_cycles = daemon.config.assumed_cycles.value();
  if (facts.anchoring.anchored < facts.head.size) {
    facts.exposed_since_ns = daemon.sequencer.store().read(facts.anchoring.anchored).leaf.time_ns;
  }
  facts.outward = daemon.outward.status();
  std::error_code unknown;
  const auto space = std::filesystem::space(daemon.config.data, unknown);
  if (!unknown) facts.disk_free_bytes = space.available;
  return facts;
}

}  // namespace stele::daemon
