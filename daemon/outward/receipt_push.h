// Hands counter anchors with their receipts to one place outside, as soon as they are stored, and
// checkpoints in between; what the place missed while it was away comes from the journal.
//
// At least once: a line may come again after a crash. Bounded: at most kMaxLines at a time are in
// memory. Thread safety: one executor on one thread; status() there too. Errors: none leave it:
// status() has them; ConfigError of the constructor. Durability: how far a place is is kept in
// DIR/push, after it has taken it. See: README.md, "Handed out at once".
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "daemon/http/signal.h"
#include "daemon/outward/http_client.h"
#include "daemon/outward/journal_receipts.h"
#include "daemon/outward/own_log.h"
#include "daemon/outward/pace.h"
#include "daemon/outward/push_file.h"
#include "daemon/outward/status.h"

namespace stele::daemon {

class ReceiptPush {
 public:
  static constexpr std::size_t kMaxLines = 32;  // anchors of one append or POST

  // files: where a place that is a file lies; see PushFile.
  ReceiptPush(const PushPlace& place, const OwnLog& log, storage::FileSystem& files);
  boost::asio::awaitable<void> run();
  void anchored() { wake_.notify(); }
  void finish();  // one more try at once, then no other
  bool ended() const { return ended_; }
  OutwardStatus status() const;

 private:
  boost::asio::awaitable<void> turn();
  boost::asio::awaitable<std::string> deliver(std::string lines);
  void failed(const std::string& reason);
  void say_failing(const std::string& reason);
  std::string next_lines(PushedThrough& through);
  std::string checkpoint_line(const attest::TreeHead& head) const;
  std::uint64_t newest_seq() const;
  bool is_due() const;

  const PushPlace place_;
  const OwnLog& log_;
  const std::string position_path_;
  std::optional<HttpClient> client_;
  PushFile file_;
  Pace pace_;
  Signal wake_;
  OutwardStatus status_;
  std::optional<PushedThrough> through_;
  std::optional<JournalReceipts> missed_;  // while catching up
  std::uint64_t checkpoint_size_ = 0;      // the newest that was handed out
  std::chrono::steady_clock::time_point checkpoint_at_{};
  bool finishing_ = false;
  bool ended_ = false;
};

}  // namespace stele::daemon
