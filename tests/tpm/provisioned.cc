#include "tests/tpm/provisioned.h"

#include <chrono>
#include <thread>

namespace stele::test {
namespace {

tpm::AuthValue secret(std::uint8_t seed, std::uint8_t which) {
  tpm::AuthValue value;
  value.fill(static_cast<std::uint8_t>(16 * which + seed));
  return value;
}

}  // namespace

tpm::ProvisionPlan make_plan(attest::Mode mode, std::uint8_t seed) {
  tpm::ProvisionPlan plan;
  plan.origin = "log.example/test";
  plan.mode = mode;
  plan.salt.bytes.fill(seed);
  plan.checkpoint_seed.bytes.fill(seed);
  plan.created_ns = 1'700'000'000'000'000'000;
  plan.ak_auth = secret(seed, 1);
  plan.counter_auth = secret(seed, 2);
  plan.extend_auth = secret(seed, 3);
  plan.endorsement_auth = secret(seed, 4);
  plan.owner_auth = secret(seed, 5);
  plan.lockout_auth = secret(seed, 6);
  return plan;
}

tpm::Keeper MemoryKeeper::keeper() {
  tpm::Keeper keeper;
  keeper.identity = [this](const tpm::Credentials& c, const attest::Bytes&) { credentials = c; };
  keeper.genesis = [this](const attest::Bytes& genesis) { kept.genesis = genesis; };
  keeper.genesis_receipt = [this](const attest::Bytes& receipt) { kept.genesis_receipt = receipt; };
  keeper.trust = [this](const attest::TrustFile& file) { trust = file; };
  keeper.progress = [this](std::string_view step) { steps.emplace_back(step); };
  return keeper;
}

Provisioned::Provisioned(attest::Mode mode) : plan(make_plan(mode)) {
  device.emplace(swtpm.tcti());
  tpm::provision(*device, plan, {}, memory.keeper());
}

void Provisioned::power_cycle(Swtpm::Power how) {
  device.reset();
  swtpm.power_cycle(how);
  // It listens, but on a loaded machine may not serve a client at once.
  for (int left = 100; !device; --left) {
    try {
      device.emplace(swtpm.tcti());
    } catch (const tpm::TpmError&) {
      if (left == 0) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
}

attest::Statement Provisioned::next_statement() {
  const tpm::IndexState state = tpm::read_indexes(*device, credentials());
  attest::Statement statement;
  statement.log_id = memory.trust->log_id;
  statement.seq = state.counter + 1 - memory.trust->first_counter;
  statement.counter = state.counter + 1;
  statement.prev_extend = state.extend;
  return statement;
}

}  // namespace stele::test
