// The commands of an anchor's life on a virtual TPM, each of which may be the last one.
//
// The same commands in the same order as tpm/anchor.h sends them: handles looked up, session
// begun, increment, extend, reads, signature, flush, quote. Before and after each the `moment` is
// told, and may throw (power gone, daemon killed, response lost) or do what strangers do.
// Thread safety: one thread. Errors: those of VirtualTpm, and what `moment` throws.
#pragma once

#include <functional>

#include "tests/simulation/virtual_tpm.h"
#include "tpm/anchor_device.h"

namespace stele::test {

class VirtualAnchorDevice : public tpm::AnchorDevice {
 public:
  enum class Moment : std::uint8_t { before, after };
  using OnCommand = std::function<void(Moment)>;

  VirtualAnchorDevice(VirtualTpm& tpm, tpm::Credentials credentials, OnCommand on_command = {});

  tpm::Clock read_clock() override;
  tpm::IndexState read_indexes() override;
  attest::Hash read_pcr() override;
  void extend_pcr(const attest::Hash& digest) override;
  void extend_index(const attest::Hash& digest) override;
  attest::Receipt full_anchor(const attest::Statement& statement) override;
  attest::Receipt read_back(const attest::Hash& digest, const attest::Hash& extra_data,
                            bool with_quote) override;
  attest::QuotePart quote(const attest::Hash& extra_data) override;
  attest::Bundle make_bundle(const std::array<std::uint8_t, 16>& boot_id,
                             const tpm::IndexState& before_recovery, attest::ByteView event_log,
                             attest::ByteView ima_log) override;
  void answer(attest::Answer& answer) override;
  // A TPM whose maker vouches for nothing.
  attest::EndorsementEvidence read_endorsement(std::uint32_t) override { return {}; }
  attest::IndexHandles indexes() const override {
    return {credentials_.counter_handle, credentials_.extend_handle};
  }
  tpm::Activation activate_credential(std::uint32_t, const attest::Credential&) override {
    return {std::nullopt, "no endorsement key of this TPM is meant"};
  }
  std::optional<attest::Hash> checkpoint_seed() override { return std::nullopt; }

 private:
  using Index = VirtualTpm::Index;
  template <class Work>
  auto command(Work work);
  tpm::IndexState::Presence look_at(Index index, attest::Bytes& value);
  std::uint32_t begin_session();
  // An audit session from its beginning to its flush; a process that dies in it leaves it behind.
  attest::AuditPart audited(const std::function<void(std::uint32_t session)>& writes,
                            const attest::Hash& extra_data);
  const tpm::AuthValue& auth_of(Index index) const;

  VirtualTpm& tpm_;
  tpm::Credentials credentials_;
  OnCommand on_command_;
};

}  // namespace stele::test
