// POST /add-checkpoint: cosigns the checkpoints of other logs, each only if it follows from the one
// before.
//
// What was cosigned last is durable before it is told: DIR/witnessed, a note per log. Two requests
// cannot pass each other: the handler runs on one thread and does not suspend between its look and
// its answer. Two heads of one size, both signed by the log, are evidence: kept, counted, said.
// Thread safety: one thread; the counters from any. Errors: the constructor throws
// std::system_error, and ConfigError where what was kept cannot be read: never begins anew.
// Trust: requests come from whoever has the role; the log's signature decides. See: README.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "attest/witness/add_checkpoint.h"
#include "daemon/checkpoint_signer.h"
#include "daemon/config.h"
#include "daemon/http/message.h"

namespace stele::daemon {

class WitnessService {
 public:
  WitnessService(const Config& config, const CheckpointSigner& signer);
  HttpReply add_checkpoint(const HttpRequest& request);

  std::atomic<std::uint64_t> cosigned{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> equivocations{0};

 private:
  struct Log {
    attest::NoteKey key;
    std::string path;
    std::string newest_note;  // cosigned last; empty: none
    attest::TreeHead newest = attest::empty_tree();
  };
  HttpReply cosign(Log& log, const attest::AddCheckpoint& request);
  void keep_evidence(const Log& log, const attest::AddCheckpoint& request);

  const CheckpointSigner& signer_;
  std::map<std::string, Log> logs_;  // by origin
};

}  // namespace stele::daemon
