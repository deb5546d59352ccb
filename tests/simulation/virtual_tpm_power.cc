// The virtual TPM's power: shutdown, power cuts, the three ways to start, the clock, and
// TPM2_Clear.
#include <algorithm>

#include "tests/simulation/virtual_tpm.h"
#include "tpm/error.h"

namespace stele::test {

using attest::ByteView;
using attest::Hash;

namespace {

constexpr std::uint32_t kInitialize = 0x100, kValue = 0x1C4;

}  // namespace

void VirtualTpm::begin(const char* command) {
  if (!powered_) throw tpm::TpmError(0xA000A, command);  // TCTI: no answer
  if (!started_) throw tpm::TpmError(kInitialize, command);
}

// Extending a PCR and signing, and nothing else here, make the coming stop an unclean one again.
void VirtualTpm::forget_shutdown() {
  nv_.orderly = false;
  nv_.saved.reset();
}

void VirtualTpm::shutdown(Startup kind) {
  begin("TPM2_Shutdown");
  nv_.orderly = true;
  nv_.saved = kind;
  nv_.clock = clock_;
  if (kind == Startup::state) nv_.saved_pcrs = pcrs_;
  exclusive_ = 0;
}

void VirtualTpm::power_off() {
  powered_ = started_ = false;
  sessions_.clear();
  exclusive_ = 0;
}

void VirtualTpm::startup(Startup kind) {
  if (started_) throw tpm::TpmError(kInitialize, "TPM2_Startup");
  const bool state_saved = nv_.orderly && nv_.saved == Startup::state;
  if (kind == Startup::state && !state_saved) throw tpm::TpmError(kValue, "TPM2_Startup");
  powered_ = started_ = true;
  clock_ = nv_.clock;
  if (!nv_.orderly) clock_.safe = false;
  if (state_saved) {
    ++nv_.restarts;
  } else {
    ++nv_.resets;
    nv_.restarts = 0;
  }
  const bool resumed = kind == Startup::state;
  for (std::size_t i = 0; i < pcrs_.size(); ++i) pcrs_[i] = resumed ? nv_.saved_pcrs[i] : Hash{};
  if (!resumed) {
    for (std::uint8_t i = 0; i < 8; ++i) pcrs_[i] = attest::hash(ByteView(&i, 1));  // firmware
  }
  nv_.orderly = false;
  nv_.saved.reset();
}

void VirtualTpm::pass(std::uint64_t milliseconds) {
  if (!powered_) return;
  const std::uint64_t before = clock_.ms / kClockUpdateMs;
  clock_.ms += milliseconds;
  if (clock_.ms / kClockUpdateMs == before) return;
  clock_.safe = true;
  nv_.clock = clock_;
}

void VirtualTpm::clear() {
  begin("TPM2_Clear");
  nv_.largest_count = std::max(nv_.largest_count, nv_.counter.value);
  nv_.counter = nv_.extend = {};
  nv_.ak_there = false;
  nv_.resets = nv_.restarts = 0;
  clock_ = nv_.clock = {};
  forget_shutdown();
  exclusive_ = 0;
}

}  // namespace stele::test
