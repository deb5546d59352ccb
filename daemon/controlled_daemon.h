// The parts of a running daemon, as those see them who answer for it: control socket and HTTP.
//
// All of it outlives them. Thread safety: as each part; finder on the reading thread only.
#pragma once

#include <atomic>
#include <cstdint>

#include "attest/genesis.h"
#include "daemon/anchorer.h"
#include "daemon/checkpoint_signer.h"
#include "daemon/config.h"
#include "daemon/finder.h"
#include "daemon/ingest/inputs.h"
#include "daemon/outward/outward.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

struct ControlledDaemon {
  const Config& config;
  const attest::Genesis& genesis;
  Sequencer& sequencer;
  Anchorer& anchorer;
  Inputs& ingest;
  Finder& finder;
  const CheckpointSigner& signer;
  const Outward& outward;
  std::int64_t started_ns = 0;
  const std::atomic<bool>& ready;
  const std::atomic<bool>& confined;  // the thread that hears senders: confinement.h
};

}  // namespace stele::daemon
