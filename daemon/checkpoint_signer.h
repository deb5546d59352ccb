// The checkpoint signer: the key unsealed at the start, in memory, and the C2SP notes it signs.
//
// Until the TPM gave the seed, or for good in a log without one, there is no checkpoint. A
// head must be durable before it is given here: what is signed can never be taken back.
// Thread safety: any thread. Errors: std::system_error where the verifier key cannot be kept.
// Trust: whoever is root has the seed too; the signature is for C2SP clients, the anchor is the
// proof. See: README.md, "Signed checkpoints".
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "attest/merkle.h"
#include "attest/note_signer.h"

namespace stele::daemon {

class CheckpointSigner {
 public:
  explicit CheckpointSigner(std::string origin) : origin_(std::move(origin)) {}

  // Once; keeps the verifier keys as DIR/checkpoint.vkey and DIR/witness.vkey, for `stele trust
  // --checkpoint-key` and `--witness-key`.
  void unsealed(const attest::Hash& seed, const std::string& directory);
  // Nothing: no key.
  std::optional<attest::NoteKey> key() const;
  // The whole note. Nothing: no key, so nothing that C2SP would call a checkpoint.
  std::optional<std::string> sign(const attest::TreeHead& head) const;
  // What cosigns for other logs. Null: no key.
  std::shared_ptr<const attest::NoteSigner> witness() const;

 private:
  const std::string origin_;
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const attest::NoteSigner> signer_, witness_;
};

}  // namespace stele::daemon
