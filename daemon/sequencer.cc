#include "daemon/sequencer.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <thread>
#include <utility>

#include "attest/check.h"
#include "daemon/sequencer_state.h"
#include "daemon/wall_clock.h"

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

}  // namespace

Sequencer::Sequencer(storage::Store store, const Config& config,
                     boost::asio::any_io_executor executor, Hooks hooks)
    : state_(std::make_unique<State>(std::move(store), config, std::move(executor),
                                     std::move(hooks))) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Sequencer::~Sequencer() {
  drain();
}

bool Sequencer::submit(Batch&& batch, std::function<void()> room) {
  // One without items only brings the clocks.
  ENSURE(batch.items.size() <= kMaxWholeBatchRecords && (!batch.items.empty() || batch.clocks));
  State& state = *state_;
  if (const auto reason = state.admission.dropped_because(batch); !reason.empty()) {
    state.drop(std::move(batch), reason);
    return true;
  }
  const bool drops = state.admission.drops_overflow(batch);
  std::function<void()> waiter;
  if (room) {
    waiter = [executor = state.executor, room = std::move(room)] {
      boost::asio::post(executor, room);
    };
  }
  const BatchQueue::Push pushed = state.queue.push(std::move(batch), std::move(waiter), !drops);
  if (pushed == BatchQueue::Push::full && batch.source && !batch.waits) {
    if (drops) {
      state.drop(std::move(batch), "queue_overflow");
      return true;
    }
    if (state.admission.halts_on_overflow()) state.halt("the queue of limits.queue_* is full");
  }
  return pushed == BatchQueue::Push::taken;
}

bool Sequencer::is_dropping() const {
  return !state_->admission.drops_because().empty();
}

const storage::Store& Sequencer::store() const {
  return state_->store;
}

attest::TreeHead Sequencer::head() const {
  return state_->store.head();
}

attest::TreeHead Sequencer::head_to_anchor() {
  state_->slow_commits.anchor_looks();
  return head();
}

SequencerStatus Sequencer::status() const {
  SequencerStatus status;
  status.queued_records = state_->queue.records();
  status.queued_bytes = state_->queue.bytes();
  status.groups = state_->groups;
  status.disk_full = state_->admission.disk_full();
  status.disk_low = state_->admission.disk_low();
  status.suspended = state_->admission.suspends();
  status.dropped = state_->admission.ledger().totals();
  status.failed = state_->failed;
  if (const std::int64_t since = state_->writing_since_ns) {
    status.writing = std::chrono::nanoseconds(std::max<std::int64_t>(0, State::steady_ns() - since));
  }
  return status;
}

bool Sequencer::is_busy() const {
  return GroupSize::is_a_part(state_->queue.records(), state_->queue.bytes());
}

const DurationHistogram& Sequencer::append_times() const {
  return state_->append_times;
}

void Sequencer::note_clock_step(std::chrono::milliseconds limit) {
  const ClockReading now = read_clocks();
  const auto is_noted = [&] {
    return !ClockSteps({0, state_->noted_offset_ns, 0}).step(now).has_value();
  };
  if (is_noted()) return;
  Batch clocks_only;
  clocks_only.clocks = now;
  if (!submit(std::move(clocks_only), {})) return;  // full: its batches bring the clocks too
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!is_noted() && !state_->failed && !state_->admission.disk_full() &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
  }
}

void Sequencer::lose(const Batch& batch) {
  state_->admission.drop(batch, state_->admission.suspends() ? "disk_low" : "queue_overflow");
  state_->wake_for_gaps();
}

void Sequencer::lose(const std::shared_ptr<const std::string>& source, const attest::Gap& gap,
                     const std::optional<DropLedger::Position>& counted_to) {
  state_->admission.ledger().add(source, gap, counted_to);
  state_->wake_for_gaps();
}

void Sequencer::state_position(const DropLedger::Position& position) {
  state_->admission.ledger().state(position);
  state_->wake_for_gaps();
}

void Sequencer::set_disk_low(bool low) {
  state_->admission.set_disk_low(low);
  state_->queue.hold(state_->admission.suspends());
  state_->wake_for_gaps();
}

void Sequencer::stop_dropping() {
  state_->admission.stop_dropping();
}

void Sequencer::drain() {
  state_->queue.close();
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace stele::daemon
