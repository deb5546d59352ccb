// ChallengeEvidence: what answers a challenge: an evidence bundle of all statements since the one
// that the auditor remembers, without records, with the live answer.
//
// Given out piece by piece, as fast as it is taken: memory is a piece, however long the log. If the
// journal does not hold that statement, the bundle begins at genesis: what is there then, beside
// what the auditor remembers, is the proof of what is gone. Thread safety: one thread at a time.
// Blocks: reads files, at most kStepBytes a piece. Errors: of Store and FileSystem; Damage where
// the journal cannot be read. See: attest/evidence/format.h.
#pragma once

#include <memory>
#include <string>

#include "attest/evidence/assembler.h"
#include "daemon/challenge_request.h"
#include "storage/store.h"
#include "storage/store_reader.h"

namespace stele::daemon {

class ChallengeEvidence {
 public:
  // answer: encoded. The files as they are now: after the answer was made. store outlives it.
  ChallengeEvidence(storage::FileSystem& files, std::string directory, const storage::Store& store,
                    const attest::Bytes& answer, std::optional<Since> since);
  ~ChallengeEvidence();
  struct Piece {
    std::string bytes;  // may be empty although more will come
    bool last = false;
  };
  Piece next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::daemon
