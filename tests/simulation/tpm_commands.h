// The commands that the virtual TPM is compared by, and their answers as text.
//
// An index is looked up once and its reference kept, on both sides, or every command of a session
// would be preceded by a ReadPublic, which ends its exclusiveness.
// Thread safety: none. Errors: a TPM's are part of the answer.
#pragma once

#include <array>
#include <string>

#include "attest/attestation.h"
#include "tpm/error.h"

namespace stele::test {

enum class What : std::uint8_t {
  start_session,
  flush,
  increment_in,
  extend_in,
  read_counter_in,
  read_extend_in,
  sign_session,
  increment,
  extend,
  read_counter,
  read_extend,
  read_wrongly,
  look_at_counter,
  look_at_extend,
  pcr_read,
  pcr_extend,
  quote,
  clock,
  random,
  redefine_counter,
  redefine_extend,
  undefine_extend,
  define_extend,
  shutdown_clear,
  shutdown_state,
};
inline constexpr std::array kNames = {"start session",
                               "flush",
                               "increment in session",
                               "extend in session",
                               "read C in",
                               "read E in",
                               "sign session",
                               "increment",
                               "extend",
                               "read C",
                               "read E",
                               "read C with a wrong authValue",
                               "look at C",
                               "look at E",
                               "read P",
                               "extend P",
                               "quote",
                               "read clock",
                               "random",
                               "define C again",
                               "define E again",
                               "undefine E",
                               "define E",
                               "shutdown(clear)",
                               "shutdown(state)"};

struct Command {
  What what;
  std::size_t session = 0;  // which of the sessions begun
  bool reset = false;       // audit reset, else audit exclusive
  attest::Hash digest;
};

// A TPM's error code without the numbers of handle, parameter and session.
std::string code(const tpm::TpmError& error);
// What an attestation says, resets counted from the first.
std::string words(const attest::SignedAttestation& signed_attestation, std::uint32_t first_reset);

}  // namespace stele::test
