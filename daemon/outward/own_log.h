// The daemon's own log, as those see it who carry it outside.
//
// All of it must outlive them; a thread that Outward::stop() leaves behind at a hanging place may
// touch it until the process ends. Thread safety: each from any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "attest/genesis.h"
#include "daemon/anchor_status.h"
#include "daemon/checkpoint_signer.h"
#include "storage/store.h"

namespace stele::daemon {

struct OwnLog {
  std::string directory;
  std::string origin;
  attest::Hash log_id;
  const CheckpointSigner& signer;
  const storage::Store& store;
  std::function<attest::TreeHead()> durable_head;
  std::function<std::optional<CounterAnchor>()> newest_anchor;
};

}  // namespace stele::daemon
