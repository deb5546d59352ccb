// AnchorDevice: the commands of an anchor's life on one log's C, E, P and AK, whatever answers
// them.
//
// The seam between the rounds of anchoring and the TPM: over_device() puts anchor.h over a real
// one, and endorsement.h; tests put one in its place whose power can be cut between any two commands. Blocks, thread
// safety, errors, trust: as the functions of anchor.h that bear the same names.
#pragma once

#include <memory>

#include "tpm/anchor.h"
#include "tpm/endorsement.h"

namespace stele::tpm {

class AnchorDevice {
 public:
  virtual ~AnchorDevice() = default;
  virtual Clock read_clock() = 0;
  virtual IndexState read_indexes() = 0;
  virtual attest::Hash read_pcr() = 0;  // P
  virtual void extend_pcr(const attest::Hash& digest) = 0;
  virtual void extend_index(const attest::Hash& digest) = 0;
  virtual attest::Receipt full_anchor(const attest::Statement& statement) = 0;
  virtual attest::Receipt read_back(const attest::Hash& digest, const attest::Hash& extra_data,
                                    bool with_quote) = 0;
  virtual attest::QuotePart quote(const attest::Hash& extra_data) = 0;
  virtual attest::Bundle make_bundle(const std::array<std::uint8_t, 16>& boot_id,
                                     const IndexState& before_recovery, attest::ByteView event_log,
                                     attest::ByteView ima_log) = 0;
  virtual void answer(attest::Answer& answer) = 0;
  virtual attest::EndorsementEvidence read_endorsement(std::uint32_t certificate) = 0;
  virtual Activation activate_credential(std::uint32_t certificate,
                                         const attest::Credential& credential) = 0;
  virtual attest::IndexHandles indexes() const = 0;  // where C and E are
  // Of the key that signs checkpoints; nothing: this log has none (checkpoint_key.h).
  virtual std::optional<attest::Hash> checkpoint_seed() = 0;
};

std::unique_ptr<AnchorDevice> over_device(Device device, const Credentials& credentials);

}  // namespace stele::tpm
