#include "daemon/anchor_loop.h"

#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "attest/failpoint.h"
#include "attest/wear.h"
#include "daemon/log.h"
#include "daemon/wall_clock.h"
#include "storage/append_file.h"
#include "storage/damage.h"
#include "tpm/credentials.h"
#include "tpm/error.h"

namespace stele::daemon {
namespace {

using State = AnchorStatus::State;
using std::chrono::milliseconds;

// Between tries to reach a TPM that failed: doubled from the first to the last.
constexpr milliseconds kFirstTpmBackOff{200};
constexpr milliseconds kLastTpmBackOff{10'000};

// What nobody repairs, the auditor can let end.
constexpr const char* kWayBack =
    "; the way back is a new era, begun with `stele era begin` (tpm/README.md, \"The way back\")";

std::string text_of_file(storage::FileSystem& files, const std::string& path) {
  const auto file = files.open(path, storage::FileSystem::Open::read_only);
  std::vector<std::uint8_t> bytes(file->size());
  const std::size_t read = file->read(0, bytes);
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(read)};
}

}  // namespace

AnchorLoop::AnchorLoop(const Config& config, AnchorRequests& requests, Outside outside)
    : config_(config),
      requests_(requests),
      outside_(std::move(outside)),
      anchors_(config.anchor_burst, config.anchor_refill),
      back_off_(kFirstTpmBackOff) {}

void AnchorLoop::run() {
  attempt([this] { load(); });
  while (life_ == Life::running && !requests_.closed()) turn();
  if (life_ == Life::running && outside_.final_wanted()) final_anchor();
  requests_.close();
  while (auto request = requests_.take()) serve(std::move(*request));
}

void AnchorLoop::load() {
  storage::FileSystem& files = storage::posix();
  const std::string path = config_.data + "/secrets";
  if (!files.exists(path)) {
    return die(EX_CONFIG, path + " is missing: run `stele provision` for this directory first");
  }
  const auto credentials = tpm::parse_credentials(text_of_file(files, path));
  if (!credentials) {
    return die(EX_CONFIG, path + " cannot be read as secrets: " + credentials.error().detail);
  }
  journal_.emplace(files, config_.data, credentials->identity);
  if (!journal_->chain().has_genesis_receipt()) {
    die(EX_CONFIG, "provisioning was interrupted: run `stele provision` again");
    return;
  }
  rounds_.emplace(
      files, config_.data, *journal_,
      [connect = outside_.connect, opened = *credentials, times = outside_.tpm_times] {
        return timed(tpm::over_device(connect(), opened), times);
      },
      boot_log_paths(config_), boot_clock_ns);
  publish();
}

// One thing that is due, or a wait for the next.
void AnchorLoop::turn() {
  // Requests first: their rate is limited, and a slow TPM would be busy with quote anchors for
  // ever.
  if (auto request = requests_.take()) return serve(std::move(*request));
  const Time now = TokenBucket::Clock::now();
  records_waiting_ |= requests_.take_new_records();
  if (const std::uint64_t size = requests_.take_critical_event()) {
    critical_size_ = std::max(critical_size_, size);
    publish();
  }
  if (status_.state != State::stopped && !rounds_->is_open() && now >= retry_at_) return reopen();
  if (rounds_->is_open()) {
    // The first counter anchor of a start cannot be put off; it draws on the bucket all the same.
    if (start_anchor_due_) return anchors_.draw(now), counter_anchor(0);
    if (counter_wanted(now) && anchors_.take(now)) {
      return counter_anchor(now >= heartbeat_at_ ? attest::kHeartbeat : std::uint16_t{0});
    }
    const bool may_quote = !journal_->chain().needs_counter_anchor();
    if (records_waiting_ && may_quote && now >= quote_at_) return quote_anchor(now);
  }
  requests_.wait_until(next_turn(now), rounds_->is_open() && !records_waiting_);
}

bool AnchorLoop::counter_wanted(Time now) const {
  if (now >= heartbeat_at_ || journal_->chain().needs_counter_anchor() || critical_waiting()) {
    return true;
  }
  // In Mode B a read-back is worth little until full receipts stand behind it.
  const auto& newest = journal_->newest_counter_anchor();
  return newest && newest->receipt.kind == attest::ReceiptKind::read_back &&
         journal_->chain().genesis().mode == attest::Mode::b;
}

bool AnchorLoop::critical_waiting() const {
  const auto& newest = journal_->newest_counter_anchor();
  return critical_size_ > (newest ? newest->statement.tree.size : 0);
}

AnchorLoop::Time AnchorLoop::next_turn(Time now) const {
  if (status_.state == State::stopped) return Time::max();
  if (!rounds_->is_open()) return retry_at_;
  if (counter_wanted(now)) {
    const Time token = anchors_.next(now);
    const bool may_quote = records_waiting_ && !journal_->chain().needs_counter_anchor();
    return may_quote ? std::min(token, quote_at_) : token;
  }
  return records_waiting_ ? std::min(heartbeat_at_, quote_at_) : heartbeat_at_;
}

void AnchorLoop::reopen() {
  // Before the anchors that came late because of it.
  if (owed_remark_) note_pause(*owed_remark_);
  if (life_ == Life::dead) return;
  const bool opened = attempt_round([this] {
    rounds_->open();
    unseal();
  });
  records_waiting_ = true;
  if (opened) quote_at_ = {};
  if (life_ == Life::running && !told_ready_) {
    told_ready_ = true;
    outside_.ready();
  }
}

void AnchorLoop::unseal() {
  if (unsealed_) return;
  const auto seed = rounds_->checkpoint_seed();
  if (seed) outside_.checkpoint_seed(*seed);
  unsealed_ = true;
  if (seed) return;
  log(Priority::notice,
      "this log has no key for its checkpoints, so that none are given out: `stele provision` "
      "makes one");
}

void AnchorLoop::counter_anchor(std::uint16_t flags) {
  const bool anchored = attempt_round([&] { rounds_->counter(outside_.durable_head, flags); });
  if (!anchored) return;
  FAILPOINT("anchor.A9");
  start_anchor_due_ = false;
  heartbeat_at_ = TokenBucket::Clock::now() +
                  config_.heartbeat.value_or(milliseconds(attest::kUnknownHeartbeatMs));
}

void AnchorLoop::quote_anchor(Time now) {
  quote_at_ = now + config_.quote_interval;
  records_waiting_ = false;
  if (outside_.durable_head().size == journal_->chain().tree_size()) return;
  attempt_round([this] { rounds_->quote(outside_.durable_head); });
}

void AnchorLoop::final_anchor() {
  // A TPM that came back within the back-off still gets its final anchor.
  if (!rounds_->is_open() && status_.state != State::stopped) reopen();
  if (!rounds_->is_open()) return;
  const attest::AnchorChain& chain = journal_->chain();
  const auto& newest = chain.newest_statement();
  const bool nothing_changed = newest && (newest->flags & attest::kFinalOfShutdown) != 0 &&
                               newest->bundle == chain.bundle()->hash &&
                               newest->tree.size == outside_.durable_head().size;
  if (!nothing_changed) counter_anchor(attest::kFinalOfShutdown);
}

// So that a TPM that is slow, or silent until it is given up, shows in status meanwhile.
bool AnchorLoop::attempt_round(const std::function<void()>& round) {
  status_.working_since_ns = now_ns();
  publish();
  return attempt([&] {
    // Also when it throws, before anything is published about that.
    try {
      round();
    } catch (...) {
      status_.working_since_ns = 0;
      throw;
    }
    status_.working_since_ns = 0;
  });
}

// Where accidents are caught. True: the work was done.
bool AnchorLoop::attempt(const std::function<void()>& work) {
  try {
    work();
    if (life_ == Life::dead) return false;
    if (rounds_ && rounds_->is_open()) {
      if (paused_) journal_->remark(attest::RemarkCode::resumed, "anchoring goes on");
      paused_ = false;
      if (!status_.reason.empty()) log(Priority::notice, "anchoring again");
      status_.state = State::anchoring;
      status_.reason.clear();
      back_off_ = kFirstTpmBackOff;
    }
    publish();
    return true;
  } catch (const AnchoringStopped& stopped) {
    failed(State::stopped, std::string(stopped.what()) + kWayBack);
    halt_if_configured();
  } catch (const Contended& contended) {
    failed(State::contended, contended.what());
    note_pause(attest::RemarkCode::contended);
  } catch (const tpm::TpmError& error) {
    failed(State::unavailable, error.what());
    note_pause(attest::RemarkCode::pause);
    halt_if_configured();
  } catch (const storage::Damage& damage) {
    die(EX_DATAERR, std::string("the journal cannot be followed: ") + damage.what() +
                        "; stele-verify says what it means");
  } catch (const std::system_error& error) {
    if (!rounds_ || !storage::is_full(error)) {
      die(EX_IOERR, error.what());
    } else {
      failed(State::unavailable, std::string("the disk is full, anchoring waits: ") + error.what());
      note_pause(attest::RemarkCode::pause);
    }
  } catch (const std::exception& error) {
    die(EX_SOFTWARE, error.what());
  }
  return false;
}

void AnchorLoop::failed(State state, const std::string& reason) {
  rounds_->close();
  // Once for each trouble, not for each try: the service's log is where an operator looks first.
  if (status_.state != state) {
    const bool is_over = state == State::stopped;
    log(is_over ? Priority::error : Priority::warning,
        (is_over ? "anchoring has stopped: " : "not anchoring for now: ") + reason);
  }
  status_.state = state;
  status_.reason = reason;
  ++(state == State::unavailable ? status_.failures_unavailable
     : state == State::contended ? status_.failures_contended
                                 : status_.failures_stopped);
  retry_at_ = TokenBucket::Clock::now() + back_off_;
  back_off_ = std::min(back_off_ * 2, kLastTpmBackOff);
  publish();
}

// A gap between anchors that the journal explains is no finding.
void AnchorLoop::note_pause(attest::RemarkCode code) {
  if (paused_) return;
  owed_remark_ = code;
  try {
    journal_->remark(code, status_.reason);
    owed_remark_.reset();
    paused_ = true;
  } catch (const std::system_error& error) {
    if (!storage::is_full(error)) die(EX_IOERR, error.what());
  }
}

void AnchorLoop::halt_if_configured() {
  if (life_ == Life::dead) return;
  if (config_.on_tpm_failure == Config::OnTpmFailure::halt) die(EX_UNAVAILABLE, status_.reason);
}

void AnchorLoop::die(int exit_code, const std::string& reason) {
  life_ = Life::dead;
  status_.state = State::stopped;
  status_.reason = reason;
  if (rounds_) rounds_->close();
  publish();
  outside_.fatal(exit_code, reason);
}

// Once for each percentage in a daemon's life.
void AnchorLoop::warn_of_wear() {
  const std::uint64_t writes = status_.counter - std::min(status_.counter, status_.first_counter);
  const std::uint64_t cycles = config_.assumed_cycles.value_or(attest::kUnknownCycles);
  const unsigned passed = attest::wear_passed(writes, cycles);
  if (passed <= told_wear_) return;
  told_wear_ = passed;
  log(Priority::warning, "the TPM's counter was written " + std::to_string(writes) +
                             " times, more than " + std::to_string(passed) + " % of the " +
                             std::to_string(cycles) + " it is assumed to stand: `stele status` " +
                             "tells the projected end, plan for another TPM");
}

void AnchorLoop::publish() {
  if (!journal_ || !journal_->chain().has_genesis_receipt()) {
    return outside_.publish(status_, std::nullopt);
  }
  const attest::AnchorChain& chain = journal_->chain();
  const auto& newest_counter = journal_->newest_counter_anchor();
  const auto& newest = chain.newest_statement();
  status_.counter_anchors = chain.seq();
  status_.counter = chain.counter();
  status_.first_counter = chain.first_counter();
  status_.quote_seq = chain.quote_seq();
  status_.counter_anchored = newest_counter ? newest_counter->statement.tree.size : 0;
  status_.anchored = chain.tree_size();
  status_.newest_ns = newest ? newest->wallclock_ns : 0;
  warn_of_wear();
  status_.critical_waiting = critical_waiting();
  status_.mode = std::string(1, static_cast<char>(chain.genesis().mode));
  outside_.publish(status_, newest_counter);
  const std::uint64_t seq = newest_counter ? newest_counter->statement.seq : 0;
  if (seq > told_seq_) {
    told_seq_ = seq;
    outside_.sealed(status_.counter_anchored);
  }
}

}  // namespace stele::daemon
