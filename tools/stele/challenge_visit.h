// One visit of an auditor: draws a nonce, asks the host, judges what it shows, remembers what was
// verified, and keeps what proves the contrary.
//
// Blocks: until the host has answered. Thread safety: one thread. Errors: CommandError, as
// ChallengedHost; 65: what came is no evidence; 73: no file can be made for it; 75: the TPM was reset meanwhile, twice.
// A proof or a memory that cannot be written is said in the visit; the verdict stands.
// Durability: the memory is written only if the conclusion is verified, and then whole.
#pragma once

#include <exception>
#include <string>

#include "attest/report.h"
#include "tools/stele/auditor_desk.h"
#include "tools/stele/challenged_host.h"

namespace stele::tools {

// What two signed halves, or the log and the TPM's own answer, say of each other.
enum class Contradiction : std::uint8_t {
  none,
  rollback,      // what is shown ends before what was seen, or before what the TPM has counted
  fork,          // what is shown is another log's history than what was seen
  equivocation,  // the TPM signed two statements of one number: it was copied or put back
};
std::string_view name(Contradiction contradiction);

struct Visit {
  attest::Report report;
  Contradiction contradiction = Contradiction::none;
  std::string proof;   // the folder where the proof was kept; empty: none was
  std::string unkept;  // why no whole proof was kept, where one should have been
  bool reset = false;  // the TPM was reset before it answered: nothing is known, ask again
  // No quorum of witnesses signed a head of what came since the last visit: one before may have it.
  bool unwitnessed_since = false;
  // Why what was verified is not remembered: to be thrown once the verdict is told.
  std::exception_ptr unremembered;
  int exit_code = 0;
};

class Visitor {
 public:
  // save: the folder where the evidence of every visit is kept; empty: of those only that find the
  // log tampered with, in MEMORY.proofs; without a memory, of none.
  Visitor(AuditorDesk& desk, ChallengedHost& host, const std::string& save,
          const std::string& memory);
  // Asks a second time where the first could not tell for a reason that passes, and from genesis on
  // where only older heads may have the quorum that the policy wants.
  Visit visit();

 private:
  enum class From { memory, genesis };
  Visit ask_once(From from);

  AuditorDesk& desk_;
  ChallengedHost& host_;
  const bool keep_all_;
  const std::string folder_;  // empty: nothing is kept
};

}  // namespace stele::tools
