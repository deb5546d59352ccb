// One control connection's requests: does what a line asks and writes the lines of its reply.
//
// What has records or evidence read waits until its access record is durable: nothing is read
// unrecorded.
// Thread safety: the control executor's one thread. Errors: a failed request is answered with a
// refusal line; a peer that is gone ends the session. Trust: the peer is root or our own user.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "daemon/access.h"
#include "daemon/control.h"
#include "daemon/control_request.h"
#include "daemon/replies.h"
#include "daemon/unix_socket.h"

namespace stele::daemon {

class ControlSession {
 public:
  ControlSession(ControlledDaemon& daemon, const Peer& peer, UnixStreamSocket& socket,
                 RefusalLedger& ledger, std::atomic<std::size_t>& answering)
      : daemon_(daemon), peer_(peer), socket_(socket), ledger_(ledger), answering_(answering) {}
  // Answers one line; false: the peer is gone.
  boost::asio::awaitable<bool> answer(const std::string& line);
  // The peer is gone: what it began and did not end is recorded as broken off.
  boost::asio::awaitable<void> end();

 private:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  // Each returns the last line of its reply and writes those before.
  awaitable<std::string> reply(const ControlRequest& request);
  // Where the TPM cannot be asked now: a Refusal, with one record that says all of it.
  awaitable<void> require_turn(const ControlRequest& request, TpmTurns::For what);
  // The access record goes first, so that what `work` anchors covers it; its outcome comes after.
  awaitable<std::string> recorded(const ControlRequest& request, awaitable<std::string>& work);
  // One record, with its outcome, before the reply that `work` makes whole is given out.
  awaitable<std::string> recorded_whole(const ControlRequest& request,
                                        awaitable<std::string>& work);
  awaitable<std::string> anchor();
  awaitable<std::string> live_answer(const attest::Hash& nonce);
  awaitable<std::string> enroll(const attest::EnrolmentRequest& asked);
  awaitable<std::string> challenge(const Challenge& challenge);
  awaitable<std::string> show(const ControlRequest& request);
  awaitable<std::string> query(const ControlRequest& request);
  // What a query found, and where the next page begins.
  awaitable<std::optional<std::uint64_t>> page(const storage::Query& query);
  awaitable<std::string> follow(storage::Query query);
  // Waits for more records than there are; false: the peer wants no more.
  awaitable<bool> more_records(std::uint64_t size);
  void require_provable(const ControlRequest& request) const;
  awaitable<std::string> prove(const ControlRequest& request);
  awaitable<std::string> reading(const ControlRequest& request);
  awaitable<std::string> outcome(const ControlRequest& request);
  std::string status() const;
  // The record's index.
  awaitable<std::uint64_t> record(const ControlRequest& request,
                                  std::optional<AccessOutcome> outcome);
  awaitable<void> write(const std::string& line);

  ControlledDaemon& daemon_;
  const Peer peer_;
  UnixStreamSocket& socket_;
  RefusalLedger& ledger_;
  std::atomic<std::size_t>& answering_;  // counts our request, but not while it waits for records
  bool given_ = false;  // something, of the request under way
  std::optional<std::uint64_t> reading_;  // the access record of what the tool reads itself
};

}  // namespace stele::daemon
