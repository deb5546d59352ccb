#include "daemon/outward/witness_client.h"

#include <chrono>
#include <system_error>

#include "attest/failpoint.h"
#include "attest/printable.h"
#include "attest/witness/cosignature.h"
#include "daemon/log.h"
#include "daemon/wall_clock.h"

namespace stele::daemon {

namespace asio = boost::asio;
using OutwardState = OutwardStatus::State;

namespace {

constexpr unsigned kOk = 200;
constexpr unsigned kNotFound = 404;
constexpr unsigned kConflict = 409;
constexpr unsigned kUnprocessable = 422;
constexpr std::size_t kMaxQuotedBytes = 200;
constexpr std::chrono::milliseconds kKeyPause{1000};  // until it is looked for again

std::string why_refused(const HttpAnswer& answer) {
  if (answer.status == 0) return answer.failure;
  std::string text = "it answers " + std::to_string(answer.status);
  if (answer.status == kNotFound) {
    return text +
           ": it knows no log of this origin; give its operator the key that `stele trust "
           "--checkpoint-key` prints";
  }
  const std::string body = attest::printable(answer.body.substr(0, kMaxQuotedBytes));
  return body.empty() ? text : text + ": " + body;
}

}  // namespace

WitnessClient::WitnessClient(const WitnessPlace& place, const OwnLog& log,
                             CosignatureKeeper& keeper)
    : place_(place),
      log_(log),
      keeper_(keeper),
      key_(*attest::parse_note_key(place.key, attest::NoteKeyType::cosignature)),
      client_(*parse_url(place.url), "/add-checkpoint", place.tls, "witness") {
  status_.kind = OutwardStatus::Kind::witness;
  status_.place = place.url;
  if (const auto newest = keeper_.newest(key_)) known_ = newest->size;
  status_.through = known_;
}

asio::awaitable<void> WitnessClient::run() {
  std::chrono::milliseconds pause{0};
  while (true) {
    const bool last = finishing_;
    if (!last && pause.count() > 0) {
      co_await wake_.wait_until(std::chrono::steady_clock::now() + pause);
    }
    const std::uint64_t failures = status_.failures;
    // A store that cannot be read is the verifier's to judge; the other places go on.
    try {
      co_await turn();
    } catch (const std::exception& error) {
      failed(OutwardState::failing, error.what());
    }
    if (last) break;
    if (status_.failures == failures) {
      pace_.succeeded();
      // The key is unsealed by the first anchor of a start: soon.
      const bool waits_for_key = status_.state == OutwardState::waiting && !status_.reason.empty();
      pause = waits_for_key ? std::min(place_.interval, kKeyPause) : place_.interval;
    } else {
      pause = std::max(pace_.failed(), std::min(place_.interval, Pace::kLastBackOff));
    }
  }
  ended_ = true;
}

void WitnessClient::finish() {
  finishing_ = true;
  wake_.notify();
}

// A proof stands on a counter anchor's head: where the witness has not seen the newest one, that
// comes first. What it has cosigned but we have no cosignature of, it is asked to cosign again.
std::optional<attest::TreeHead> WitnessClient::head_to_submit() const {
  const std::uint64_t least = status_.through < known_ ? known_ : known_ + 1;
  const auto anchor = log_.newest_anchor();
  if (anchor && anchor->statement.tree.size >= least) return anchor->statement.tree;
  const attest::TreeHead head = log_.durable_head();
  if (head.size >= least) return head;
  return std::nullopt;
}

asio::awaitable<void> WitnessClient::turn() {
  const std::uint64_t size = log_.durable_head().size;
  if (known_ > size) {
    failed(OutwardState::refused, "it has cosigned " + std::to_string(known_) +
                                      " records of this log, of which " + std::to_string(size) +
                                      " are here: this store was put back");
    co_return;
  }
  bool led_on = false;  // once: a witness that lies may name another size each time
  while (const auto head = head_to_submit()) {
    const auto text = log_.signer.sign(*head);
    if (!text) {
      status_.state = OutwardState::waiting;
      status_.reason = "there is no key to sign checkpoints with (yet)";
      co_return;
    }
    const attest::Note note = *attest::parse_note(*text);
    const HttpAnswer answer = co_await submit(note, *head);
    if (led_on || answer.status != kConflict || !take_size(answer)) {
      take_answer(answer, note, *head);
      co_return;
    }
    led_on = true;
  }
}

asio::awaitable<HttpAnswer> WitnessClient::submit(const attest::Note& note,
                                                  const attest::TreeHead& head) {
  attest::AddCheckpoint request;
  request.old_size = known_;
  if (known_ > 0) request.proof = attest::prove_consistency(known_, head.size, log_.store);
  request.note = note;
  FAILPOINT("witness.submit");
  co_return co_await client_.post("text/plain; charset=utf-8", to_text(request));
}

// True: it has seen another size of this log than we thought, from which it can be led on.
bool WitnessClient::take_size(const HttpAnswer& answer) {
  const auto size = attest::parse_size_line(answer.body);
  if (!answer.content_type.starts_with("text/x.tlog.size") || !size) return false;
  if (*size > log_.durable_head().size || *size == known_) return false;
  known_ = *size;
  return true;
}

void WitnessClient::take_answer(const HttpAnswer& answer, const attest::Note& note,
                                const attest::TreeHead& head) {
  if (answer.status == kOk) return take_signatures(answer.body, note, head);
  if (answer.status != kConflict && answer.status != kUnprocessable)
    return failed(OutwardState::failing, why_refused(answer));
  const auto size = attest::parse_size_line(answer.body);
  const std::uint64_t here = log_.durable_head().size;
  if (answer.status == kConflict && size && *size != known_) {
    const std::string seen = "it has cosigned " + std::to_string(*size) + " records of this log";
    if (*size <= here)
      return failed(OutwardState::failing, seen + " meanwhile: is it configured twice?");
    return failed(OutwardState::refused,
                  seen + ", of which " + std::to_string(here) +
                      " are here: this store was put back, or another host uses its key");
  }
  failed(OutwardState::refused, "it has cosigned another history of this log than the one here (" +
                                    why_refused(answer) + ")");
}

void WitnessClient::take_signatures(const std::string& body, const attest::Note& note,
                                    const attest::TreeHead& head) {
  const auto lines = attest::parse_signature_lines(body);
  if (!lines)
    return failed(OutwardState::failing, "its answer is no cosignature: " + lines.error().detail);
  attest::Note cosigned = note;
  std::optional<std::uint64_t> time_s;
  for (const attest::NoteSignature& line : *lines) {
    if (line.name != key_.name || line.key_hash != key_.key_hash) continue;
    const auto verified = attest::verify_cosignature(note.text, line, key_);
    if (!verified) return failed(OutwardState::failing, "its cosignature does not verify");
    cosigned.signatures.push_back(line);
    time_s = *verified;
  }
  if (!time_s) return failed(OutwardState::failing, "it answers without a cosignature of its key");
  FAILPOINT("witness.cosigned");
  try {
    keeper_.keep(cosigned);
  } catch (const std::system_error& error) {
    return failed(OutwardState::failing,
                  std::string("its cosignature cannot be kept: ") + error.what());
  }
  FAILPOINT("witness.kept");
  status_.state = OutwardState::working;
  status_.reason.clear();
  status_.newest_ns = now_ns();
  status_.clock_off_s = static_cast<std::int64_t>(*time_s) - status_.newest_ns / 1'000'000'000;
  ++status_.successes;
  status_.through = known_ = head.size;
}

void WitnessClient::failed(OutwardState state, const std::string& reason) {
  const bool is_news = status_.state != state || status_.reason != reason;
  status_.state = state;
  status_.reason = reason;
  ++status_.failures;
  if (is_news) {
    log(state == OutwardState::refused ? Priority::error : Priority::warning,
        "witness " + place_.url + ": " + reason);
  }
}

OutwardStatus WitnessClient::status() const {
  OutwardStatus status = status_;
  const std::uint64_t size = log_.durable_head().size;
  // By what it has signed, and not by what it says to have: it may lie.
  status.lag = size - std::min(size, status.through);
  try {
    if (status.lag > 0) status.lag_since_ns = log_.store.read(status.through).leaf.time_ns;
  } catch (const std::exception&) {
    // Since when is then not known; what it means is the verifier's to say.
  }
  return status;
}

}  // namespace stele::daemon
