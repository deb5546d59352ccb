#include "daemon/timed_anchor_device.h"

#include "tpm/error.h"

namespace stele::daemon {
namespace {

using Step = TpmTimes::Step;

class TimedAnchorDevice : public tpm::AnchorDevice {
  // First: what follows needs its type.
  template <class Work>
  auto timed(Step step, Work work) {
    const Stopwatch stopwatch(times_->of(step));
    try {
      return work();
    } catch (const tpm::TpmError& error) {
      times_->failed(error.rc());
      throw;
    }
  }

 public:
  TimedAnchorDevice(std::unique_ptr<tpm::AnchorDevice> inner, std::shared_ptr<TpmTimes> times)
      : inner_(std::move(inner)), times_(std::move(times)) {}

  tpm::Clock read_clock() override {
    const tpm::Clock clock = timed(Step::read_clock, [&] { return inner_->read_clock(); });
    times_->saw(clock.run);
    return clock;
  }
  tpm::IndexState read_indexes() override {
    return timed(Step::read_indexes, [&] { return inner_->read_indexes(); });
  }
  attest::Hash read_pcr() override {
    return timed(Step::read_pcr, [&] { return inner_->read_pcr(); });
  }
  void extend_pcr(const attest::Hash& digest) override {
    timed(Step::extend_pcr, [&] { inner_->extend_pcr(digest); });
  }
  void extend_index(const attest::Hash& digest) override {
    timed(Step::extend_index, [&] { inner_->extend_index(digest); });
  }
  attest::Receipt full_anchor(const attest::Statement& statement) override {
    return timed(Step::full_anchor, [&] { return inner_->full_anchor(statement); });
  }
  attest::Receipt read_back(const attest::Hash& digest, const attest::Hash& extra_data,
                            bool with_quote) override {
    return timed(Step::read_back,
                 [&] { return inner_->read_back(digest, extra_data, with_quote); });
  }
  attest::QuotePart quote(const attest::Hash& extra_data) override {
    return timed(Step::quote, [&] { return inner_->quote(extra_data); });
  }
  attest::Bundle make_bundle(const std::array<std::uint8_t, 16>& boot_id,
                             const tpm::IndexState& before_recovery, attest::ByteView event_log,
                             attest::ByteView ima_log) override {
    return timed(Step::make_bundle,
                 [&] { return inner_->make_bundle(boot_id, before_recovery, event_log, ima_log); });
  }
  void answer(attest::Answer& answer) override {
    timed(Step::answer, [&] { inner_->answer(answer); });
  }
  attest::EndorsementEvidence read_endorsement(std::uint32_t certificate) override {
    return timed(Step::read_endorsement, [&] { return inner_->read_endorsement(certificate); });
  }
  tpm::Activation activate_credential(std::uint32_t certificate,
                                      const attest::Credential& credential) override {
    return timed(Step::activate_credential,
                 [&] { return inner_->activate_credential(certificate, credential); });
  }
  attest::IndexHandles indexes() const override { return inner_->indexes(); }
  std::optional<attest::Hash> checkpoint_seed() override {
    return timed(Step::unseal, [&] { return inner_->checkpoint_seed(); });
  }

 private:
  std::unique_ptr<tpm::AnchorDevice> inner_;
  std::shared_ptr<TpmTimes> times_;
};

}  // namespace

std::string_view TpmTimes::name(Step step) {
  static constexpr std::array<std::string_view, kSteps> kNames{
      "read_clock",  "read_indexes", "read_pcr", "extend_pcr",  "extend_index",
      "full_anchor", "read_back",    "quote",    "make_bundle", "answer",
      "read_endorsement", "activate_credential", "unseal"};
  return kNames[static_cast<std::size_t>(step)];
}

void TpmTimes::failed(std::uint32_t code) {
  const std::lock_guard lock(mutex_);
  const bool room = errors_.contains(code) || errors_.size() < kMaxCodes;
  ++errors_[room ? code : 0];
}

std::map<std::uint32_t, std::uint64_t> TpmTimes::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

void TpmTimes::saw(const attest::Run& run) {
  const std::lock_guard lock(mutex_);
  run_ = run;
}

attest::Run TpmTimes::newest_run() const {
  const std::lock_guard lock(mutex_);
  return run_;
}

std::unique_ptr<tpm::AnchorDevice> timed(std::unique_ptr<tpm::AnchorDevice> device,
                                         std::shared_ptr<TpmTimes> times) {
  return std::make_unique<TimedAnchorDevice>(std::move(device), std::move(times));
}

}  // namespace stele::daemon
