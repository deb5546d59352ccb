#include "tests/daemon/meddled.h"

#include "tests/daemon/stranger.h"

namespace stele::test {

std::string going_on(Meddled& daemon, Stranger& stranger) {
  try {
    daemon.reopen();
    daemon.counter();
  } catch (const std::exception& error) {
    return error.what();
  }
  const std::string refused = stranger.catch_up();
  if (!refused.empty()) return refused;
  tpm::Device device(daemon.tcti.get());
  const tpm::IndexState indexes = tpm::read_indexes(device, daemon.host.credentials());
  const attest::AnchorChain& chain = stranger.chain();
  const bool agree = indexes.counter == chain.counter() && indexes.extend == chain.extend();
  return agree && !chain.open_intent() ? "" : "C and E are not what the journal leads to";
}

bool is_lost(const std::function<void()>& work) {
  try {
    work();
  } catch (const tpm::TpmError& error) {
    return error.kind() == tpm::TpmError::Kind::lost_device;
  } catch (const std::exception&) {
  }
  return false;
}

}  // namespace stele::test
