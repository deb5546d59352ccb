// Reads the log for a person: through the daemon where one runs, so that the reading is itself
// recorded; else from the store's files.
//
// Blocks. Thread safety: one thread. Errors: CommandError 66 for a record that is not there, 75 for
// a proof of a record that no counter anchor covers yet; what the daemon answers; storage::Damage.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>

#include "attest/proof.h"
#include "storage/look_up.h"
#include "tools/stele/anchors.h"
#include "tools/stele/site.h"

namespace stele::tools {

class LogReader {
 public:
  explicit LogReader(const Common& common);
  storage::StoredRecord read(std::uint64_t index);
  // Gives the matching records in order; where to go on when the limit cut the answer short.
  using Visitor = std::function<void(const storage::StoredRecord&)>;
  std::optional<std::uint64_t> query(const storage::Query& query, const Visitor& visitor);
  // Gives them, and those that come, until stop_following(); only where a daemon runs (else 69).
  void follow(const storage::Query& query, const Visitor& visitor);
  // Ends follow(). May be called from a signal handler; follow() has begun or never will.
  void stop_following();
  const Site& site() const { return site_; }
  // Returns when a counter anchor covers the record; asks the daemon for its status, once a second.
  // CommandError 75 when the time is up, or no daemon runs that could anchor.
  void wait_until_sealed(std::uint64_t index, std::chrono::seconds at_most);
  // An encoded attest::Proof, with the content if asked.
  attest::Bytes prove(std::uint64_t index, bool content);
  // The text of an attest::TlogProof. From the files alone: of the oldest counter anchor over the
  // record whose head was cosigned, for only the daemon can sign; none: CommandError 69.
  attest::Bytes prove_to_tlogs(std::uint64_t index, bool content);

 private:
  attest::Bytes ask_proof(std::uint64_t index, bool content, const char* format);
  // Precondition: the anchor covers the record; the store is open.
  attest::Proof proof_under(const StoredAnchor& anchor, std::uint64_t index, bool content);
  void require_record(std::uint64_t index) const;

  Site site_;
  std::atomic<int> followed_{-1};  // the socket of follow()
  std::atomic<bool> stopped_{false};
  std::optional<ControlClient> daemon_;
  std::optional<storage::Store> store_;  // if no daemon
};

}  // namespace stele::tools
