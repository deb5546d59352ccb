// An anchor device with every step at the TPM timed and every error counted by its code.
//
// Thread safety: TpmTimes from any thread; the device as tpm::AnchorDevice. Errors: passed on.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

#include "daemon/duration_histogram.h"
#include "tpm/anchor_device.h"

namespace stele::daemon {

class TpmTimes {
 public:
  // A step is what the rounds ask for: one command, or an audited session as a whole.
  enum class Step {
    read_clock,
    read_indexes,
    read_pcr,
    extend_pcr,
    extend_index,
    full_anchor,
    read_back,
    quote,
    make_bundle,
    answer,
    read_endorsement,
    activate_credential,
    unseal
  };
  static constexpr std::size_t kSteps = 13;
  static std::string_view name(Step step);
  // Further codes are counted together, as code 0: labels must not grow without bound.
  static constexpr std::size_t kMaxCodes = 64;

  DurationHistogram& of(Step step) { return steps_[static_cast<std::size_t>(step)]; }
  const DurationHistogram& of(Step step) const { return steps_[static_cast<std::size_t>(step)]; }
  void failed(std::uint32_t code);
  std::map<std::uint32_t, std::uint64_t> errors() const;
  // As TPM2_ReadClock gave them last.
  void saw(const attest::Run& run);
  attest::Run newest_run() const;

 private:
  std::array<DurationHistogram, kSteps> steps_;
  mutable std::mutex mutex_;
  std::map<std::uint32_t, std::uint64_t> errors_;
  attest::Run run_;
};

std::unique_ptr<tpm::AnchorDevice> timed(std::unique_ptr<tpm::AnchorDevice> device,
                                         std::shared_ptr<TpmTimes> times);

}  // namespace stele::daemon
