#include "daemon/control_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <span>
#include <stdexcept>

#include "attest/base64.h"
#include "daemon/access.h"
#include "daemon/callback_result.h"
#include "daemon/challenge_evidence.h"
#include "daemon/record_proof.h"
#include "storage/damage.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

constexpr int kMalformed = 65;
constexpr int kNoInput = 66;
constexpr int kUnavailable = 69;
constexpr int kCannotCreate = 73;
constexpr int kIoError = 74;
constexpr int kTemporary = 75;

// A request that cannot be done, with the exit code that the tool should end with.
class Refusal : public std::runtime_error {
 public:
  Refusal(int exit_code, const std::string& message)
      : runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

void require_record(std::uint64_t index, std::uint64_t size) {
  if (index < size) return;
  throw Refusal(kNoInput, "there is no record " + std::to_string(index) + ": the log holds " +
                              std::to_string(size) + ", from 0");
}

// An access record: the request as it was understood, and who asked.
std::string access_text(const ControlRequest& request, const Peer& peer) {
  return "{\"gid\":" + std::to_string(peer.gid) + ",\"pid\":" + std::to_string(peer.pid) +
         ",\"request\":" + request.canonical + ",\"uid\":" + std::to_string(peer.uid) + "}";
}

// The lines of the neighbours from found[done] on, up to about a MiB; moves done past them.
// Together, because they share blocks on disk.
std::string record_lines(const storage::Store& store, std::span<const std::uint64_t> found,
                         std::size_t& done) {
  constexpr std::size_t kEnoughBytes = 1u << 20;
  const std::uint64_t begin = found[done];
  std::uint64_t end = begin;
  while (end - begin < found.size() - done && found[done + (end - begin)] == end) ++end;
  std::string lines;
  store.visit(begin, end, [&](const storage::StoredRecord& record) {
    lines += record_line(record);
    ++done;
    return lines.size() < kEnoughBytes;
  });
  return lines;
}

}  // namespace

asio::awaitable<bool> ControlSession::answer(const std::string& line) {
  std::string last;
  try {
    const auto request = decode_control_request(line);
    // Not as one conditional expression: g++ 12 evaluates both of its arms around a suspension.
    if (request) {
      last = co_await reply(*request);
    } else {
      last = refusal_line(kMalformed, request.error().detail);
    }
  } catch (const Refusal& refusal) {
    last = refusal_line(refusal.exit_code(), refusal.what());
  } catch (const boost::system::system_error&) {
    co_return false;  // the peer's socket: write() throws nothing else
  } catch (const storage::Damage& damage) {
    last =
        refusal_line(kMalformed, std::string(damage.what()) + "; stele-verify says what it means");
  } catch (const std::exception& error) {
    last = refusal_line(kIoError, error.what());
  }
  const auto [error, count] =
      co_await asio::async_write(socket_, asio::buffer(last), asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

asio::awaitable<std::string> ControlSession::reply(const ControlRequest& request) {
  using Do = ControlRequest::Do;
  switch (request.what) {
    case Do::status:
      co_return status();
    case Do::anchor:
      co_return co_await anchor();
    case Do::answer:
      co_return co_await live_answer(request.nonce);
    case Do::enroll:
      co_await record_access(request);
      co_return co_await enroll(*request.enrolment);
    case Do::challenge:
      co_await record_access(request);
      co_return co_await challenge(request.challenge);
    case Do::show:
      co_return co_await show(request);
    case Do::query:
      co_return co_await query(request);
    case Do::prove:
      co_return co_await prove(request);
  }
  co_return std::string();
}

std::string ControlSession::status() const {
  return status_line(gather_status(daemon_));
}

asio::awaitable<std::string> ControlSession::anchor() {
  const auto outcome = co_await callback_result<AnchorOutcome>(
      [&](std::function<void(AnchorOutcome)> done) { daemon_.anchorer.anchor(std::move(done)); });
  if (!outcome.done) throw Refusal(outcome.exit_code, outcome.reason);
  co_return "{\"ok\":true,\"seq\":" + std::to_string(outcome.seq) +
      ",\"tree_size\":" + std::to_string(outcome.tree_size) + "}\n";
}

asio::awaitable<std::string> ControlSession::live_answer(const attest::Hash& nonce) {
  const auto outcome =
      co_await callback_result<AnswerOutcome>([&](std::function<void(AnswerOutcome)> done) {
        daemon_.anchorer.answer(nonce, std::move(done));
      });
  if (!outcome.answer) throw Refusal(outcome.exit_code, outcome.reason);
  co_return "{\"ok\":true,\"answer\":\"" + attest::to_base64(*outcome.answer) + "\"}\n";
}

asio::awaitable<std::string> ControlSession::enroll(const attest::EnrolmentRequest& asked) {
  const auto outcome =
      co_await callback_result<EnrolmentOutcome>([&](std::function<void(EnrolmentOutcome)> done) {
        daemon_.anchorer.enrol(asked, std::move(done));
      });
  if (!outcome.reply) throw Refusal(outcome.exit_code, outcome.reason);
  co_return "{\"ok\":true,\"reply\":\"" + attest::to_base64(*outcome.reply) + "\"}\n";
}

asio::awaitable<std::string> ControlSession::challenge(const Challenge& challenge) {
  const auto outcome =
      co_await callback_result<AnswerOutcome>([&](std::function<void(AnswerOutcome)> done) {
        daemon_.anchorer.testify(challenge.nonce, std::move(done));
      });
  if (!outcome.answer) throw Refusal(outcome.exit_code, outcome.reason);
  ChallengeEvidence evidence(storage::posix(), daemon_.config.data, daemon_.sequencer.store(),
                             *outcome.answer, challenge.since);
  for (bool last = false; !last;) {
    const ChallengeEvidence::Piece piece = evidence.next();
    last = piece.last;
    const std::string line =
        "{\"evidence\":\"" + attest::to_base64(attest::view(piece.bytes)) + "\"}\n";
    co_await write(line);
    // Others are served between two pieces.
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  }
  co_return "{\"ok\":true}\n";
}

asio::awaitable<std::string> ControlSession::show(const ControlRequest& request) {
  require_record(request.index, daemon_.sequencer.head().size);
  co_await record_access(request);
  co_await write(record_line(daemon_.sequencer.store().read(request.index)));
  co_return "{\"ok\":true}\n";
}

asio::awaitable<std::string> ControlSession::query(const ControlRequest& request) {
  co_await record_access(request);
  if (request.follow) co_return co_await follow(request.query);
  const auto next = co_await page(request.query);
  co_return "{\"ok\":true,\"next\":" + (next ? std::to_string(*next) : "null") + "}\n";
}

asio::awaitable<std::optional<std::uint64_t>> ControlSession::page(const storage::Query& query) {
  storage::Query one_more = query;
  ++one_more.limit;  // the one too many is where the next page begins
  const storage::Found found = daemon_.finder.find(one_more);
  const std::size_t count = std::min<std::size_t>(found.indices.size(), query.limit);
  for (std::size_t done = 0; done < count;) {
    const std::string lines =
        record_lines(daemon_.sequencer.store(), std::span(found.indices).first(count), done);
    co_await write(lines);
  }
  if (found.indices.size() > query.limit) co_return found.indices.back();
  co_return found.stopped_at;
}

asio::awaitable<std::string> ControlSession::follow(storage::Query query) {
  const std::uint64_t last = query.end.value_or(~std::uint64_t{0});
  query.limit = kMaxQueryRecords;
  for (std::uint64_t begin = query.begin.value_or(0); begin < last;) {
    const std::uint64_t size = std::min(daemon_.sequencer.head().size, last);
    if (begin >= size) {
      if (!co_await more_records(size)) break;
      continue;
    }
    query.begin = begin;
    query.end = size;
    const auto next = co_await page(query);
    begin = next.value_or(size);
    // Others are served between two pages.
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  }
  co_return "{\"ok\":true,\"next\":null}\n";
}

asio::awaitable<bool> ControlSession::more_records(std::uint64_t size) {
  constexpr std::chrono::milliseconds kLook{100};  // what a follower may be late
  asio::steady_timer timer(socket_.get_executor());
  while (daemon_.sequencer.head().size <= size) {
    char byte = 0;
    const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) co_return false;
    timer.expires_after(kLook);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return true;
}

asio::awaitable<std::string> ControlSession::prove(const ControlRequest& request) {
  const storage::Store& store = daemon_.sequencer.store();
  require_record(request.index, store.head().size);
  const auto anchor = daemon_.anchorer.newest_counter_anchor();
  if (!anchor || anchor->statement.tree.size <= request.index) {
    throw Refusal(kTemporary, "no counter anchor covers record " + std::to_string(request.index) +
                                  " yet: run `stele anchor`, or wait for the heartbeat");
  }
  // Before the reading is recorded: what cannot be given is not read.
  std::optional<attest::Note> note;
  if (request.tlog_proof) {
    note = signed_head(daemon_.signer, daemon_.config.data, anchor->statement.tree);
    if (!note) throw Refusal(kUnavailable, kNoCheckpointKey);
  }
  co_await record_access(request);
  auto proof = prove_record(store, *anchor, request.index, request.content);
  if (!proof) {
    throw Refusal(kNoInput,
                  "the content of record " + std::to_string(request.index) + " was erased");
  }
  attest::Bytes bytes;
  if (note) {
    const auto tlog = attest::make_tlog_proof(*std::move(proof), *note);
    if (!tlog) throw Refusal(kCannotCreate, tlog_proof_too_long(request.content));
    const std::string text = to_text(*tlog);
    bytes.assign(text.begin(), text.end());
  } else {
    bytes = attest::encode(*proof);
  }
  co_return "{\"ok\":true,\"proof\":\"" + attest::to_base64(bytes) + "\"}\n";
}

asio::awaitable<void> ControlSession::record_access(const ControlRequest& request) {
  const std::string text = access_text(request, peer_);
  const std::string refused = co_await daemon::record_access(daemon_.sequencer, text);
  if (!refused.empty()) throw Refusal(kTemporary, refused);
}

asio::awaitable<void> ControlSession::write(const std::string& line) {
  co_await asio::async_write(socket_, asio::buffer(line), asio::use_awaitable);
}

}  // namespace stele::daemon
