// One of several logs that share a TPM: its own data directory, handles and P, its daemon's rounds
// on the test's own thread, and a stranger who believes of its journal what its own chain believes.
//
// Thread safety: none. Errors: those of AnchorRounds and of tpm/provision.h.
#pragma once

#include <optional>
#include <string>

#include "daemon/anchor_rounds.h"
#include "tests/daemon/anchoring_host.h"
#include "tests/support/meddling_tcti.h"

namespace stele::test {

class Tenant {
 public:
  // Provisions a log at handles of its own, which follow from `number`, with this P.
  Tenant(const Swtpm& swtpm, const std::string& directory, std::uint8_t number, std::uint8_t pcr);
  Tenant(const Tenant&) = delete;
  Tenant& operator=(const Tenant&) = delete;

  // One kind of work each, begun as the daemon's loop would: with a TPM that is open, and a counter
  // anchor first where one must be.
  enum class Work { counter, quote, answer, restart };
  static constexpr int kWorks = 4;
  void work(Work what);
  // The TPM was lost, reset or used by others: connects anew and finishes what was left.
  void come_round();
  void connect_to(const Swtpm& swtpm) { tcti.connect_to(swtpm); }

  // What a stranger refuses in the journal's new entries, or how C, E and P differ from what they
  // lead to; "" if nothing. Remarks are a refusal: nothing here is a foreign extend, or a stop.
  std::string wrong();
  std::uint64_t first_counter() const { return chain_->first_counter(); }
  std::uint64_t anchors() const { return chain_->seq(); }

  MeddlingTcti tcti;

 private:
  void begin();

  std::string directory_;
  GrowingLog log_;
  std::optional<tpm::Credentials> credentials_;
  std::optional<daemon::AnchorJournal> journal_;
  std::optional<daemon::AnchorRounds> rounds_;
  std::optional<attest::AnchorChain> chain_;  // the stranger's
  std::uint64_t read_ = 0;
};

}  // namespace stele::test
