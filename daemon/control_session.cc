#include "daemon/control_session.h"

#include <sys/socket.h>
#include <sysexits.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
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

// A request that cannot be done, with the exit code that the tool should end with.
class Refusal : public std::runtime_error {
 public:
  Refusal(int exit_code, const std::string& message, RefusalCause cause = RefusalCause::io_error)
      : runtime_error(message), exit_code_(exit_code), cause_(cause) {}
  int exit_code() const { return exit_code_; }
  RefusalCause cause() const { return cause_; }

 private:
  int exit_code_;
  RefusalCause cause_;
};

// Of what ended a request, as access records name it.
RefusalCause cause_of(const std::exception_ptr& failed) {
  try {
    std::rethrow_exception(failed);
  } catch (const Refusal& refusal) {
    return refusal.cause();
  } catch (const boost::system::system_error&) {
    return RefusalCause::peer_gone;
  } catch (const storage::Damage&) {
    return RefusalCause::log_damaged;
  } catch (const std::exception&) {
    return RefusalCause::io_error;
  }
}

void require_record(std::uint64_t index, std::uint64_t size) {
  if (index < size) return;
  throw Refusal(EX_NOINPUT, "there is no record " + std::to_string(index) + ": the log holds " +
                                std::to_string(size) + ", from 0");
}

// An access record: the request as it was understood, and who asked.
boost::json::object access_text(const ControlRequest& request, const Peer& peer) {
  return {{"gid", peer.gid},
          {"pid", peer.pid},
          {"request", boost::json::parse(request.canonical)},
          {"uid", peer.uid}};
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
      last = refusal_line(EX_DATAERR, request.error().detail);
    }
  } catch (const Refusal& refusal) {
    last = refusal_line(refusal.exit_code(), refusal.what());
  } catch (const boost::system::system_error&) {
    co_return false;  // the peer's socket: write() throws nothing else
  } catch (const storage::Damage& damage) {
    last =
        refusal_line(EX_DATAERR, std::string(damage.what()) + "; stele-verify says what it means");
  } catch (const std::exception& error) {
    last = refusal_line(EX_IOERR, error.what());
  }
  const auto [error, count] =
      co_await asio::async_write(socket_, asio::buffer(last), asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

asio::awaitable<std::string> ControlSession::reply(const ControlRequest& request) {
  using Do = ControlRequest::Do;
  awaitable<std::string> work;
  switch (request.what) {
    case Do::status:
      co_return status();
    case Do::anchor:
      co_return co_await anchor();
    case Do::bundle:
    case Do::export_anchor:
    case Do::era_request:
    case Do::boot_policy:
      co_return co_await reading(request);
    case Do::outcome:
      co_return co_await outcome(request);
    case Do::show:
      require_record(request.index, daemon_.sequencer.head().size);
      work = show(request);
      break;
    case Do::prove:
      require_provable(request);
      work = prove(request);
      break;
    case Do::answer:
      co_await require_turn(request, TpmTurns::For::answer);
      work = live_answer(request.nonce);
      break;
    case Do::enroll:
      co_await require_turn(request, TpmTurns::For::enrolment);
      work = enroll(*request.enrolment);
      break;
    case Do::challenge:
      co_await require_turn(request, TpmTurns::For::testimony);
      work = challenge(request.challenge);
      break;
    case Do::query:
      work = query(request);
      break;
  }
  // Not as one conditional expression: g++ 12 evaluates both of its arms around a suspension.
  if (request.what == Do::show || request.what == Do::prove) {
    co_return co_await recorded_whole(request, work);
  }
  co_return co_await recorded(request, work);
}

asio::awaitable<void> ControlSession::require_turn(const ControlRequest& request,
                                                   TpmTurns::For what) {
  const auto refused = daemon_.anchorer.admit(what);
  if (!refused) co_return;
  co_await record(request, AccessOutcome::refused(refused->cause));
  throw Refusal(refused->exit_code, refused->reason, refused->cause);
}

asio::awaitable<std::string> ControlSession::recorded(const ControlRequest& request,
                                                      awaitable<std::string>& work) {
  const std::uint64_t asked = co_await record(request, std::nullopt);
  given_ = false;
  std::string last;
  std::exception_ptr failed;
  try {
    last = co_await std::move(work);
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  AccessOutcome outcome;
  if (failed) {
    const RefusalCause cause = cause_of(failed);
    outcome = given_ ? AccessOutcome::broken_off(cause) : AccessOutcome::refused(cause);
  }
  co_await record_outcome(daemon_.sequencer, asked, outcome);
  if (failed) std::rethrow_exception(failed);
  co_return last;
}

asio::awaitable<std::string> ControlSession::recorded_whole(const ControlRequest& request,
                                                            awaitable<std::string>& work) {
  std::string reply;
  std::exception_ptr failed;
  try {
    reply = co_await std::move(work);
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  AccessOutcome outcome;
  if (failed) outcome = AccessOutcome::refused(cause_of(failed));
  co_await record(request, outcome);
  if (failed) std::rethrow_exception(failed);
  co_return reply;
}

// The tool reads the files itself, as its user may; what it says of it is what is recorded.
asio::awaitable<std::string> ControlSession::reading(const ControlRequest& request) {
  co_await end();
  const std::uint64_t asked = co_await record(request, std::nullopt);
  reading_ = asked;
  co_return "{\"ok\":true,\"asked\":" + std::to_string(asked) + "}\n";
}

asio::awaitable<std::string> ControlSession::outcome(const ControlRequest& request) {
  if (!reading_) throw Refusal(EX_DATAERR, "nothing is being read on this connection");
  const std::uint64_t asked = *std::exchange(reading_, std::nullopt);
  AccessOutcome outcome;
  if (request.refused_for) outcome = AccessOutcome::refused(*request.refused_for);
  co_await record_outcome(daemon_.sequencer, asked, outcome);
  co_return "{\"ok\":true}\n";
}

asio::awaitable<void> ControlSession::end() {
  if (!reading_) co_return;
  const std::uint64_t asked = *std::exchange(reading_, std::nullopt);
  co_await record_outcome(daemon_.sequencer, asked,
                          AccessOutcome::broken_off(RefusalCause::peer_gone));
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
  if (!outcome.answer) throw Refusal(outcome.exit_code, outcome.reason, outcome.cause);
  co_return "{\"ok\":true,\"answer\":\"" + attest::to_base64(*outcome.answer) + "\"}\n";
}

asio::awaitable<std::string> ControlSession::enroll(const attest::EnrolmentRequest& asked) {
  const auto outcome =
      co_await callback_result<EnrolmentOutcome>([&](std::function<void(EnrolmentOutcome)> done) {
        daemon_.anchorer.enrol(asked, std::move(done));
      });
  if (!outcome.reply) throw Refusal(outcome.exit_code, outcome.reason, outcome.cause);
  co_return "{\"ok\":true,\"reply\":\"" + attest::to_base64(*outcome.reply) + "\"}\n";
}

asio::awaitable<std::string> ControlSession::challenge(const Challenge& challenge) {
  const auto outcome =
      co_await callback_result<AnswerOutcome>([&](std::function<void(AnswerOutcome)> done) {
        daemon_.anchorer.testify(challenge.nonce, std::move(done));
      });
  if (!outcome.answer) throw Refusal(outcome.exit_code, outcome.reason, outcome.cause);
  ChallengeEvidence evidence(storage::posix(), daemon_.config.data, daemon_.sequencer.store(),
                             *outcome.answer, challenge);
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
  co_return record_line(daemon_.sequencer.store().read(request.index)) + "{\"ok\":true}\n";
}

asio::awaitable<std::string> ControlSession::query(const ControlRequest& request) {
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
      --answering_;
      const bool more = co_await more_records(size);
      ++answering_;
      if (!more) break;
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

// What cannot be given yet is not read, and leaves no record.
void ControlSession::require_provable(const ControlRequest& request) const {
  require_record(request.index, daemon_.sequencer.head().size);
  const auto anchor = daemon_.anchorer.newest_counter_anchor();
  if (!anchor || anchor->statement.tree.size <= request.index) {
    throw Refusal(EX_TEMPFAIL, "no counter anchor covers record " + std::to_string(request.index) +
                                   " yet: run `stele anchor`, or wait for the heartbeat");
  }
  if (request.tlog_proof && !daemon_.signer.key()) throw Refusal(EX_UNAVAILABLE, kNoCheckpointKey);
}

// Precondition: require_provable(): anchors and the key, once there, stay.
asio::awaitable<std::string> ControlSession::prove(const ControlRequest& request) {
  const auto anchor = daemon_.anchorer.newest_counter_anchor();
  std::optional<attest::Note> note;
  if (request.tlog_proof) {
    note = signed_head(daemon_.signer, daemon_.config.data, anchor->statement.tree);
  }
  auto proof = prove_record(daemon_.sequencer.store(), *anchor, request.index, request.content);
  if (!proof) {
    throw Refusal(EX_NOINPUT,
                  "the content of record " + std::to_string(request.index) + " was erased",
                  RefusalCause::content_erased);
  }
  attest::Bytes bytes;
  if (note) {
    const auto tlog = attest::make_tlog_proof(*std::move(proof), *note);
    if (!tlog) {
      throw Refusal(EX_CANTCREAT, tlog_proof_too_long(request.content),
                    RefusalCause::proof_too_long);
    }
    const std::string text = to_text(*tlog);
    bytes.assign(text.begin(), text.end());
  } else {
    bytes = attest::encode(*proof);
  }
  co_return "{\"ok\":true,\"proof\":\"" + attest::to_base64(bytes) + "\"}\n";
}

asio::awaitable<std::uint64_t> ControlSession::record(const ControlRequest& request,
                                                      std::optional<AccessOutcome> outcome) {
  const boost::json::object asked = access_text(request, peer_);
  const std::string caller = std::to_string(peer_.uid);
  const AccessRecorded recorded =
      co_await record_access(daemon_.sequencer, ledger_, caller, asked, outcome);
  if (!recorded.trouble.empty()) throw Refusal(EX_TEMPFAIL, recorded.trouble);
  co_return recorded.index;
}

asio::awaitable<void> ControlSession::write(const std::string& line) {
  given_ = true;
  co_await asio::async_write(socket_, asio::buffer(line), asio::use_awaitable);
}

}  // namespace stele::daemon
