// One daemon's rounds over a host whose TPM is reached through a meddling TCTI, on the test's own
// thread.
//
// Thread safety: none. Errors: those of AnchorRounds.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "daemon/anchor_rounds.h"
#include "tests/daemon/anchoring_host.h"
#include "tests/support/meddling_tcti.h"

namespace stele::test {

struct Meddled {
  explicit Meddled(Host& host_)
      : host(host_),
        tcti(host.swtpm),
        journal(storage::posix(), host.config.data, host.credentials().identity) {
    start();
  }

  // As a daemon that starts: its first open() makes a bundle.
  void start() {
    rounds.emplace(
        storage::posix(), host.config.data, journal,
        [this] { return tpm::over_device(tpm::Device(tcti.get(), limits), host.credentials()); },
        daemon::BootLogPaths{}, clock);
  }
  void counter() {
    rounds->counter([this] { return host.log.head(); }, 0);
  }
  bool quote() {
    host.log.grow(1);
    return rounds->quote([this] { return host.log.head(); });
  }
  attest::Answer answer() {
    attest::Hash nonce;
    nonce.bytes.fill(9);
    host.log.grow(1);
    return rounds->answer(nonce, [this] { return host.log.head(); });
  }
  void reopen() {
    rounds->close();
    rounds->open();
  }

  Host& host;
  tpm::Device::Limits limits;
  daemon::AnchorRounds::Clock clock;  // none, until start(): no receipt is late
  MeddlingTcti tcti;
  daemon::AnchorJournal journal;
  std::optional<daemon::AnchorRounds> rounds;
};

class Stranger;
// The TPM is well: what was begun ends, and one more anchor is made. "" if so; else what is wrong.
std::string going_on(Meddled& daemon, Stranger& stranger);
// Whether this ends because the TPM does not answer, or not with sense.
bool is_lost(const std::function<void()>& work);

}  // namespace stele::test
