// A session with a TPM, recorded once and played back as often as wanted, without the TPM.
//
// ESYS makes new nonces each time, so the player signs the responses of HMAC sessions anew: it
// knows the authValues, as root does, and can be a liar whom only the AK's signature stops.
// Thread safety: none, but a tape may be played by several at once.
// Errors: a command that is not to come on the tape is answered with TPM_RC_FAILURE.
#pragma once

#include <vector>

#include "tests/support/meddling_tcti.h"
#include "tpm/anchor.h"

namespace stele::test {

class Tape {
 public:
  using Bytes = MeddlingTcti::Bytes;
  struct Turn {
    Bytes command;
    Bytes response;
    std::uint32_t code() const { return code_in(command); }
    bool is_signed() const;  // the response bears the HMAC of a session
  };
  explicit Tape(const tpm::Credentials& credentials);

  // Records what this swtpm is asked and answers.
  MeddlingTcti::Transport recorder(const Swtpm& swtpm);

  // Who spoils a response: a liar signs what he says, noise comes after the signature.
  enum class By { liar, noise };
  struct Spoil {
    std::size_t turn = 0;
    By by = By::liar;
    std::function<void(Bytes&)> change;
  };
  // Plays from the beginning. The tape must outlive the player.
  MeddlingTcti::Transport player(Spoil spoil) const;

  const std::vector<Turn>& turns() const { return turns_; }

 private:
  Bytes play(std::size_t& next, const Spoil& spoil, const Bytes& command) const;

  tpm::Credentials credentials_;
  std::vector<Turn> turns_;
};

// Gives the response of an HMAC session's command to C or E the signature that it must have, as far
// as what was made of it still has the form of one; leaves others as they are.
void sign_response(const tpm::Credentials& credentials, const Tape::Bytes& command,
                   Tape::Bytes& response);

}  // namespace stele::test
