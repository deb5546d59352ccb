// The daemon's own log, as those see it who carry it outside.
//
// All of it must outlive them; behind Outward::stop() none of it is touched. Thread safety: each
// from any thread.
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
