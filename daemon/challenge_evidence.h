// ChallengeEvidence: what answers a challenge: an evidence bundle of all statements since the one
// that the auditor remembers, without records, with the live answer, the heads that witnesses signed
// of the trees that it leads to and, where asked for, the boot logs.
//
// Given out piece by piece, as fast as it is taken: memory is a piece, however long the log; beside
// it the heads (at most kMaxHeadsPart), and three times a boot log while it is given out. If the
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

// Of boot logs in one answer. A machine's event log has some tens of KiB, an IMA list of 150,000
// measurements 16 MiB; four answers at once then hold 192 MiB at worst. What is above is not there
// for the verdict: `stele bundle --boot-logs` hands over up to four times as much of each.
constexpr std::uint64_t kMaxChallengeLogBytes = 16u << 20;
// Of all, as often as boots name them: an auditor who comes for the first time is shown every boot.
constexpr std::uint64_t kMaxChallengeLogsBytes = 256u << 20;

class ChallengeEvidence {
 public:
  // answer: encoded. The files as they are now: after the answer was made. store outlives it.
  ChallengeEvidence(storage::FileSystem& files, std::string directory, const storage::Store& store,
                    const attest::Bytes& answer, const Challenge& asked);
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
