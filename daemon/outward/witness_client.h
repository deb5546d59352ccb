// Asks one witness for its signature on the log's newest checkpoint, again and again.
//
//   head (a newer counter anchor's first, else the durable one) → add-checkpoint → its lines are
//   verified → durable in DIR/cosignatures → the next after the interval, or after the back-off
// A witness that is behind or ahead says its size (409), and is asked once more from there.
// Thread safety: one executor on one thread; status() there too. Errors: none leave it: status()
// has them; ConfigError of the constructor. See: README.md, "Witnesses".
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "attest/witness/add_checkpoint.h"
#include "daemon/http/signal.h"
#include "daemon/outward/cosignature_keeper.h"
#include "daemon/outward/http_client.h"
#include "daemon/outward/own_log.h"
#include "daemon/outward/pace.h"
#include "daemon/outward/status.h"

namespace stele::daemon {

class WitnessClient {
 public:
  WitnessClient(const WitnessPlace& place, const OwnLog& log, CosignatureKeeper& keeper);
  boost::asio::awaitable<void> run();
  // One more try at once, then no other.
  void finish();
  bool ended() const { return ended_; }
  OutwardStatus status() const;

 private:
  boost::asio::awaitable<void> turn();
  boost::asio::awaitable<HttpAnswer> submit(const attest::Note& note, const attest::TreeHead& head);
  std::optional<attest::TreeHead> head_to_submit() const;
  bool take_size(const HttpAnswer& answer);
  void take_answer(const HttpAnswer& answer, const attest::Note& note,
                   const attest::TreeHead& head);
  void take_signatures(const std::string& body, const attest::Note& note,
                       const attest::TreeHead& head);
  void failed(OutwardStatus::State state, const std::string& reason);

  const WitnessPlace place_;
  const OwnLog& log_;
  CosignatureKeeper& keeper_;
  const attest::NoteKey key_;
  HttpClient client_;
  Pace pace_;
  Signal wake_;
  OutwardStatus status_;
  std::uint64_t known_ = 0;  // the size that the witness cosigned last, as far as we know
  bool finishing_ = false;
  bool ended_ = false;
};

}  // namespace stele::daemon
