// A private swtpm with a log provisioned on it, and what provisioning kept.
//
// Thread safety: none. Errors: those of Swtpm and of tpm/provision.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/support/swtpm.h"
#include "tpm/provision.h"

namespace stele::test {

// A plan whose secrets and salt follow from the seed.
tpm::ProvisionPlan make_plan(attest::Mode mode = attest::Mode::b, std::uint8_t seed = 1);

// Keeps in memory what a data directory would hold.
struct MemoryKeeper {
  tpm::Kept kept;
  std::optional<tpm::Credentials> credentials;
  std::optional<attest::TrustFile> trust;
  std::vector<std::string> steps;
  tpm::Keeper keeper();
};

struct Provisioned {
  explicit Provisioned(attest::Mode mode = attest::Mode::b);
  // Closes the device, cycles the power, connects anew.
  void power_cycle(Swtpm::Power how);
  const tpm::Credentials& credentials() const { return *memory.credentials; }
  const attest::TpmIdentity& identity() const { return memory.credentials->identity; }
  // The next counter anchor's statement after this state of C and E (other fields as they come).
  attest::Statement next_statement();

  Swtpm swtpm;
  tpm::ProvisionPlan plan;
  MemoryKeeper memory;
  std::optional<tpm::Device> device;
};

}  // namespace stele::test
