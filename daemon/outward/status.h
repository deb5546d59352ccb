// What became of each place outside: for status, readiness and metrics.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stele::daemon {

struct OutwardStatus {
  enum class Kind { witness, push } kind = Kind::witness;
  enum class State {
    waiting,  // nothing tried yet, or no key to sign with
    working,  // the newest try went well
    failing,  // it did not: `reason`
    refused,  // the witness has seen another history of this log: a person must look
  } state = State::waiting;
  std::string place;                 // URL or path
  std::string reason;                // of failing, refused, waiting
  std::uint64_t through = 0;         // records it has seen; of a push: the anchor's seq
  std::uint64_t lag = 0;             // records, or anchors, that it has not
  std::int64_t lag_since_ns = 0;     // since when the oldest of these waits; 0: none
  std::int64_t newest_ns = 0;        // when it took something last; 0: never
  std::int64_t clock_off_s = 0;      // of a witness: its clock less ours, when it signed last
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
};
const char* name(OutwardStatus::Kind kind);
const char* name(OutwardStatus::State state);

}  // namespace stele::daemon
