#include "daemon/outward/receipt_push.h"

#include <algorithm>
#include <system_error>

#include "attest/failpoint.h"
#include "attest/printable.h"
#include "daemon/log.h"
#include "daemon/wall_clock.h"
#include "storage/whole_file.h"

namespace stele::daemon {

namespace asio = boost::asio;
using OutwardState = OutwardStatus::State;

namespace {

constexpr std::size_t kMaxPositionBytes = 1024;
constexpr std::size_t kMaxQuotedReplyBytes = 200;

// One file a place, named after where it is.
std::string position_path(const std::string& directory, const std::string& to) {
  return directory + "/push/" + attest::to_hex(attest::hash(attest::view(to))).substr(0, 16);
}

}  // namespace

ReceiptPush::ReceiptPush(const PushPlace& place, const OwnLog& log,
                         storage::FileSystem& place_files)
    : place_(place),
      log_(log),
      position_path_(position_path(log.directory, place.to)),
      file_(place, log.directory, place_files) {
  status_.kind = OutwardStatus::Kind::push;
  status_.place = place.to;
  if (const auto url = parse_url(place.to)) client_.emplace(*url, "", place.tls, "push");
  storage::FileSystem& files = storage::posix();
  files.create_directory(log.directory + "/push");
  const auto text = storage::read_whole(files, position_path_, kMaxPositionBytes);
  if (text) through_ = parse_pushed_through(*text);  // unreadable: all is handed out again
  if (through_ && through_->log_id == log.log_id) status_.through = through_->seq;
}

std::uint64_t ReceiptPush::newest_seq() const {
  const auto newest = log_.newest_anchor();
  return newest ? newest->statement.seq : 0;
}

bool ReceiptPush::is_due() const {
  if (newest_seq() > status_.through || missed_) return true;
  return std::chrono::steady_clock::now() >= checkpoint_at_ && log_.signer.key() &&
         log_.durable_head().size > checkpoint_size_;
}

asio::awaitable<void> ReceiptPush::run() {
  std::chrono::milliseconds back_off{0};
  while (true) {
    const bool last = finishing_;
    if (!last && back_off.count() > 0) {
      // A new anchor does not make a failing place better: its wake is not listened to.
      const auto until = std::chrono::steady_clock::now() + back_off;
      for (bool woken = true; woken && !finishing_;) woken = co_await wake_.wait_until(until);
    } else if (!last && !is_due()) {
      co_await wake_.wait_until(std::chrono::steady_clock::now() + place_.interval);
    }
    const std::uint64_t failures = status_.failures;
    try {
      if (is_due()) co_await turn();
    } catch (const std::exception& error) {
      failed(error.what());
    }
    if (last && (status_.failures != failures || !is_due())) break;
    if (status_.failures == failures) {
      pace_.succeeded();
      back_off = {};
    } else {
      back_off = pace_.failed();
    }
  }
  ended_ = true;
}

void ReceiptPush::finish() {
  finishing_ = true;
  wake_.notify();
}

std::string ReceiptPush::checkpoint_line(const attest::TreeHead& head) const {
  const auto text = log_.signer.sign(head);
  if (!text) return {};
  return to_line(attest::PushedCheckpoint{log_.log_id, *attest::parse_note(*text)});
}

// What the place is to get next; `through`: where it is then.
std::string ReceiptPush::next_lines(PushedThrough& through) {
  const auto newest = log_.newest_anchor();
  const bool follows = through_ && through_->log_id == log_.log_id && newest &&
                       newest->statement.seq == through_->seq + 1;
  std::string lines;
  const auto add = [&](const attest::PushedAnchor& anchor) {
    if (lines.empty()) status_.lag_since_ns = anchor.statement.wallclock_ns;
    lines += to_line(anchor);
    through = {anchor.statement.log_id, anchor.statement.seq};
  };
  if (follows && !missed_) {
    add({newest->statement, newest->receipt});
    return lines + checkpoint_line(newest->statement.tree);
  }
  if (!missed_) missed_.emplace(log_.directory, through_);
  for (std::size_t count = 0; count < kMaxLines; ++count) {
    const auto anchor = missed_->next();
    if (!anchor) {
      missed_.reset();
      break;
    }
    add(*anchor);
  }
  return lines;
}

asio::awaitable<void> ReceiptPush::turn() {
  PushedThrough through = through_.value_or(PushedThrough{log_.log_id, 0});
  std::string lines;
  std::string failure;
  attest::TreeHead head;
  try {
    if (newest_seq() > status_.through || missed_) lines = next_lines(through);
    if (newest_seq() > status_.through && lines.empty() && !missed_) {
      failure = "the journal does not give the newest anchor: see stele-verify";
    }
    head = log_.durable_head();
    const bool with_checkpoint = std::chrono::steady_clock::now() >= checkpoint_at_ &&
                                 head.size > checkpoint_size_ && !missed_;
    if (with_checkpoint) lines += checkpoint_line(head);
    if (!with_checkpoint) head.size = checkpoint_size_;
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (failure.empty() && !lines.empty()) failure = co_await deliver(lines);
  if (failure.empty()) {
    try {
      if (through != through_) {
        FAILPOINT("push.delivered");
        storage::replace_whole(storage::posix(), position_path_, to_text(through));
      }
    } catch (const std::system_error& error) {
      failure = error.what();
    }
  }
  if (!failure.empty()) {
    failed(failure);
    co_return;
  }
  through_ = through;
  if (through.log_id == log_.log_id) status_.through = through.seq;
  if (head.size != checkpoint_size_) {
    checkpoint_size_ = head.size;
    checkpoint_at_ = std::chrono::steady_clock::now() + place_.interval;
  }
  status_.state = OutwardState::working;
  status_.reason.clear();
  status_.newest_ns = now_ns();
  status_.lag_since_ns = 0;
  ++status_.successes;
}

void ReceiptPush::failed(const std::string& reason) {
  missed_.reset();  // what was read is handed out again
  say_failing(reason);
  ++status_.failures;
}

void ReceiptPush::say_failing(const std::string& reason) {
  if (status_.state != OutwardState::failing || status_.reason != reason) {
    log(Priority::warning, "push to " + place_.to + ": " + reason);
  }
  status_.state = OutwardState::failing;
  status_.reason = reason;
}

// Empty: it has them.
asio::awaitable<std::string> ReceiptPush::deliver(std::string lines) {
  if (client_) {
    const HttpAnswer answer = co_await client_->post("text/plain; charset=utf-8", std::move(lines));
    if (answer.status >= 200 && answer.status < 300) co_return std::string();
    if (answer.status == 0) co_return answer.failure;
    co_return "it answers " + std::to_string(answer.status) + ": " +
        attest::printable(answer.body.substr(0, kMaxQuotedReplyBytes));
  }
  std::function<void()> hangs = [this] {
    say_failing("what is written there does not return: does its mount hang?");
  };
  co_return co_await file_.append(std::move(lines), hangs);
}

OutwardStatus ReceiptPush::status() const {
  OutwardStatus status = status_;
  const auto newest = log_.newest_anchor();
  const std::uint64_t seq = newest ? newest->statement.seq : 0;
  status.lag = seq - std::min(seq, status.through);
  // Between a delivery and the next try, what waits is what is newest.
  if (status.lag > 0 && status.lag_since_ns == 0) {
    status.lag_since_ns = newest->statement.wallclock_ns;
  }
  if (status.lag == 0) status.lag_since_ns = 0;
  return status;
}

}  // namespace stele::daemon
