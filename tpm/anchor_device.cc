#include "tpm/anchor_device.h"

#include <utility>

#include "tpm/checkpoint_key.h"

namespace stele::tpm {
namespace {

class OverDevice : public AnchorDevice {
 public:
  OverDevice(Device device, const Credentials& credentials)
      : device_(std::move(device)), credentials_(credentials) {}

  Clock read_clock() override { return tpm::read_clock(device_); }
  IndexState read_indexes() override { return tpm::read_indexes(device_, credentials_); }
  attest::Hash read_pcr() override { return tpm::read_pcr(device_, credentials_.identity.pcr); }
  void extend_pcr(const attest::Hash& digest) override {
    tpm::extend_pcr(device_, credentials_.identity.pcr, digest);
  }
  void extend_index(const attest::Hash& digest) override {
    tpm::extend_index(device_, credentials_, digest);
  }
  attest::Receipt full_anchor(const attest::Statement& statement) override {
    return tpm::full_anchor(device_, credentials_, statement);
  }
  attest::Receipt read_back(const attest::Hash& digest, const attest::Hash& extra_data,
                            bool with_quote) override {
    return tpm::read_back(device_, credentials_, digest, extra_data, with_quote);
  }
  attest::QuotePart quote(const attest::Hash& extra_data) override {
    return tpm::quote(device_, credentials_, extra_data);
  }
  attest::Bundle make_bundle(const std::array<std::uint8_t, 16>& boot_id,
                             const IndexState& before_recovery, attest::ByteView event_log,
                             attest::ByteView ima_log) override {
    return tpm::make_bundle(device_, credentials_, boot_id, before_recovery, event_log, ima_log);
  }
  void answer(attest::Answer& answer) override { tpm::answer(device_, credentials_, answer); }
  attest::EndorsementEvidence read_endorsement(std::uint32_t certificate) override {
    return tpm::read_endorsement(device_, credentials_, certificate);
  }
  Activation activate_credential(std::uint32_t certificate,
                                 const attest::Credential& credential) override {
    return tpm::activate_credential(device_, credentials_, certificate, credential);
  }
  attest::IndexHandles indexes() const override {
    return {credentials_.counter_handle, credentials_.extend_handle};
  }
  std::optional<attest::Hash> checkpoint_seed() override {
    const CheckpointSeed found =
        unseal_checkpoint_seed(device_, credentials_.ak_handle, credentials_.ak_auth);
    if (found.state != CheckpointSeed::State::ours) return std::nullopt;
    return found.seed;
  }

 private:
  Device device_;
  Credentials credentials_;
};

}  // namespace

std::unique_ptr<AnchorDevice> over_device(Device device, const Credentials& credentials) {
  return std::make_unique<OverDevice>(std::move(device), credentials);
}

}  // namespace stele::tpm
