#include "daemon/sequencer.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <system_error>
#include <thread>
#include <utility>

#include "attest/check.h"
#include "daemon/admission.h"
#include "daemon/batch_queue.h"
#include "daemon/commit_ahead.h"
#include "daemon/critical_events.h"
#include "daemon/gap_records.h"
#include "daemon/group_size.h"
#include "daemon/log.h"
#include "daemon/record_salts.h"
#include "daemon/wall_clock.h"
#include "storage/append_file.h"

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

// A source record older than this is written anew: half the window, so that no batch can leave it.
constexpr std::uint64_t kSourceRenewal = attest::kSourceWindow / 2;
// Sources remembered; forgetting one costs a source record.
constexpr std::size_t kMaxSources = 4096;
constexpr auto kFullDiskFirstDelay = 100ms;
constexpr auto kFullDiskLongestDelay = 5s;
// While a low disk has events dropped, the drops are recorded this often: a gap record for each
// dropped batch would fill the disk as the events themselves.
constexpr auto kLowDiskGapInterval = 10s;

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct Sequencer::State {
  State(storage::Store store_, const Config& config, boost::asio::any_io_executor executor_,
        Hooks hooks_, const ClockReading& first = read_clocks())
      : store(std::move(store_)),
        queue(config.queue_bytes, config.queue_records),
        admission(config),
        executor(std::move(executor_)),
        hooks(std::make_shared<const Hooks>(std::move(hooks_))),
        noted_offset_ns(first.offset_ns),
        critical_events(config.critical_events),
        steps(first) {}
  ~State() { queue.close(); }  // which ends commit_ahead

  void run();
  void commit(std::vector<Batch>& batches);
  void add(attest::Kind kind, std::int64_t time_ns, std::uint64_t source, attest::ByteView bytes,
           attest::ByteView tlvs = {}) {
    group.push_back({kind, time_ns, source, {}, tlvs, bytes});  // its salt comes with the others'
  }
  void add_items(const Batch& batch, std::uint64_t source);
  std::uint64_t add_gaps(std::uint64_t next_index);
  std::uint64_t add_notes(const Batch& batch, std::uint64_t next_index);
  std::uint64_t source_for(const std::string& source, std::int64_t time_ns,
                           std::uint64_t next_index);
  attest::TreeHead append();
  void drop(Batch&& batch, std::string_view reason);
  void wake_for_gaps();
  void halt(const std::string& reason);
  attest::TreeHead append_when_there_is_room();
  void note_pause(std::int64_t full_since);
  void tell(std::vector<Batch>& batches, std::vector<std::uint64_t> firsts, attest::TreeHead head);
  void tell_of_critical_events(const std::vector<Batch>& batches, std::uint64_t size);
  void fail(const std::string& reason);

  storage::Store store;
  BatchQueue queue;
  Admission admission;
  boost::asio::any_io_executor executor;
  std::shared_ptr<const Hooks> hooks;
  std::atomic<std::uint64_t> groups{0};
  std::atomic<bool> failed{false};
  std::atomic<bool> halted{false};
  std::atomic<std::int64_t> writing_since_ns{0};  // of the steady clock; 0: no write goes on
  DurationHistogram append_times;
  std::atomic<std::int64_t> noted_offset_ns;  // of the clocks, as the durable records explain it
  const CriticalEvents critical_events;

  // The thread's own.
  GroupSize group_size;
  ClockSteps steps;
  RecordSalts salts;
  std::map<std::string, std::uint64_t> sources;  // description -> index of its newest record
  std::vector<storage::NewRecord> group;
  std::uint64_t group_bytes = 0;  // as its batches brought them
  std::vector<GapRecord> gaps;  // of the group in the making
  std::deque<std::string> notes;  // of the group in the making; their bytes stay where they are
  std::chrono::steady_clock::time_point next_gaps{};  // while the disk is low
  std::string pause;  // the note at the group's end: the disk was full
  std::thread thread;
  CommitAhead commit_ahead{queue};
};

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
  if (room) waiter = [to = state.executor, room = std::move(room)] { boost::asio::post(to, room); };
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
    status.writing = std::chrono::nanoseconds(std::max<std::int64_t>(0, steady_ns() - since));
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

void Sequencer::State::run() {
  std::vector<Batch> batches;
  try {
    while (queue.take(batches, group_size.bytes(), group_size.records())) {
      commit(batches);
      batches.clear();
      queue.release();
      // What found the queue full though nothing follows; while the disk is low drops are collected.
      if (!admission.disk_low()) wake_for_gaps();
    }
    if (!admission.ledger().empty()) commit(batches);  // what was dropped since the last group
  } catch (const std::exception& error) {
    // The one place where the store's accidents end: nothing is acknowledged from here on.
    fail(error.what());
  }
}

void Sequencer::State::commit(std::vector<Batch>& batches) {
  group.clear();
  group_bytes = 0;
  notes.clear();
  std::uint64_t index = store.head().size;
  // What a life begins with stands before what it finds lost.
  if (groups > 0 || batches.empty()) index = add_gaps(index);
  std::vector<std::uint64_t> firsts;
  for (const Batch& batch : batches) {
    group_bytes += batch.bytes.size();
    index = add_notes(batch, index);
    std::uint64_t source = attest::kNoSource;
    if (batch.source && !batch.items.empty()) {
      source = source_for(*batch.source, batch.items.front().time_ns, index);
      if (source == index) ++index;
    }
    firsts.push_back(index);
    add_items(batch, source);
    index += batch.items.size();
  }
  salts.give(group);
  const attest::TreeHead head = group.empty() ? store.head() : append_when_there_is_room();
  ENSURE(head.size == index + (pause.empty() ? 0 : 1));
  pause.clear();
  noted_offset_ns = steps.offset_ns();
  ++groups;
  tell(batches, std::move(firsts), head);
}

void Sequencer::State::add_items(const Batch& batch, std::uint64_t source) {
  const attest::ByteView bytes(batch.bytes);
  for (const Batch::Item& item : batch.items) {
    add(item.kind, item.time_ns, source, bytes.subspan(item.offset, item.length),
        bytes.subspan(item.tlv_offset, item.tlv_length));
  }
  auto record = group.end() - static_cast<std::ptrdiff_t>(batch.items.size());
  for (const Batch::Commitment& made : batch.commitments) {
    record->salt = made.salt;
    record->commitment = &made.commitment;
    ++record;
  }
}

// A step of the wall clock since the batch before is explained before the first record that was
// stamped after it. A batch stamped before a step and late in the queue steps back, and the next
// one forth again: each is explained.
std::uint64_t Sequencer::State::add_notes(const Batch& batch, std::uint64_t next_index) {
  if (!batch.clocks) return next_index;
  const auto step = steps.step(*batch.clocks);
  if (!step) return next_index;
  steps.take(*batch.clocks);
  notes.push_back(clock_step_text(*step));
  add(attest::Kind::note, batch.clocks->wall_ns, attest::kNoSource, attest::view(notes.back()));
  log(Priority::notice, "the wall clock stepped by " +
                            std::to_string(static_cast<double>(*step) / 1e9) +
                            " s: noted in the log; if nobody set it, look at time "
                            "synchronisation (timedatectl timesync-status)");
  return next_index + 1;
}

// What was dropped since, before anything that came later. A daemon that ends records all of it.
std::uint64_t Sequencer::State::add_gaps(std::uint64_t next_index) {
  const auto now = std::chrono::steady_clock::now();
  if (admission.disk_low() && admission.may_drop() && now < next_gaps) return next_index;
  gaps = gap_records(admission.ledger().take(), now_ns());
  for (const GapRecord& gap : gaps) {
    if (gap.kind == attest::Kind::gap) next_gaps = now + kLowDiskGapInterval;
    const std::uint64_t source =
        gap.source ? source_for(*gap.source, gap.time_ns, next_index) : attest::kNoSource;
    if (source == next_index) ++next_index;
    add(gap.kind, gap.time_ns, source, attest::view(gap.content), gap.tlvs);
    ++next_index;
  }
  return next_index;
}

// The index of the source's record; if that is next_index, it has just been put into the group, and
// `source` stays where it is until that is written.
std::uint64_t Sequencer::State::source_for(const std::string& source, std::int64_t time_ns,
                                           std::uint64_t next_index) {
  const auto known = sources.find(source);
  if (known != sources.end() && next_index - known->second < kSourceRenewal) return known->second;
  if (sources.size() >= kMaxSources) sources.clear();
  sources.insert_or_assign(source, next_index);
  add(attest::Kind::source, time_ns, attest::kNoSource, attest::view(source));
  return next_index;
}

// The store's work, with the time it began for those who watch a slow disk.
attest::TreeHead Sequencer::State::append() {
  writing_since_ns = steady_ns();
  try {
    const attest::TreeHead head = store.append(group);
    writing_since_ns = 0;
    return head;
  } catch (...) {
    writing_since_ns = 0;
    throw;
  }
}

// A full disk is no failure: the store has written nothing that counts. The group waits (and with
// it senders, or what they send is dropped and counted), and the pause is sealed as a note in the
// group that waited, so that no anchor parts the two.
attest::TreeHead Sequencer::State::append_when_there_is_room() {
  std::int64_t full_since = 0;
  bool ending = false;
  for (std::chrono::milliseconds delay = kFullDiskFirstDelay;;
       delay = std::min<std::chrono::milliseconds>(2 * delay, kFullDiskLongestDelay)) {
    try {
      if (full_since != 0) note_pause(full_since);
      const auto begin = std::chrono::steady_clock::now();
      const attest::TreeHead head = append();
      const auto took = std::chrono::steady_clock::now() - begin;
      append_times.observe(took);
      if (full_since == 0) group_size.took(group.size(), group_bytes, took);
      if (full_since != 0) {
        admission.set_disk_full(false);
        log(Priority::notice, "the disk has room again: going on");
      }
      return head;
    } catch (const std::system_error& error) {
      if (!storage::is_full(error) || ending) throw;
      if (admission.halts_on_full_disk()) {
        halt(std::string("the disk is full: ") + error.what());
        throw;
      }
      if (full_since == 0) {
        full_since = now_ns();
        admission.set_disk_full(true);
        const std::string then = admission.drops_on_full_disk()
                                     ? "events are dropped and counted until there is room: "
                                     : "senders wait until there is room: ";
        log(Priority::error, "the disk is full: " + then + error.what());
      }
      ending = queue.wait_closed(delay);  // then one more try: the room may be back by now
    }
  }
}

// The group's last record, made anew at each try: it says until when.
void Sequencer::State::note_pause(std::int64_t full_since) {
  if (!pause.empty()) group.pop_back();
  const std::int64_t until = now_ns();
  pause = "{\"note\":\"disk_full\",\"since_ns\":" + std::to_string(full_since) +
          ",\"until_ns\":" + std::to_string(until) + "}";
  add(attest::Kind::note, until, attest::kNoSource, attest::view(pause));
  salts.give({&group.back(), 1});
}

// Placements first: senders wait for them.
void Sequencer::State::tell(std::vector<Batch>& batches, std::vector<std::uint64_t> firsts,
                            attest::TreeHead head) {
  std::vector<std::function<void(std::uint64_t)>> placed;
  placed.reserve(batches.size());
  for (Batch& batch : batches) placed.push_back(std::move(batch.placed));
  boost::asio::post(
      executor, [placed = std::move(placed), firsts = std::move(firsts), head, hooks_now = hooks] {
        for (std::size_t i = 0; i < placed.size(); ++i) {
          if (placed[i]) placed[i](firsts[i]);
        }
        if (hooks_now->durable) hooks_now->durable(head);
      });
  tell_of_critical_events(batches, head.size);
}

// Behind the acknowledgements: looking for patterns makes no sender wait. Should the daemon die
// in between, the next start anchors.
void Sequencer::State::tell_of_critical_events(const std::vector<Batch>& batches,
                                               std::uint64_t size) {
  if (!hooks->critical) return;
  const bool any = std::any_of(batches.begin(), batches.end(), [this](const Batch& batch) {
    return batch.critical || critical_events.are_in(batch);
  });
  if (any) boost::asio::post(executor, [size, hooks_now = hooks] { hooks_now->critical(size); });
}

void Sequencer::State::drop(Batch&& batch, std::string_view reason) {
  admission.drop(batch, reason);
  if (batch.dropped) boost::asio::post(executor, std::move(batch.dropped));
}

// Drops are recorded with the next group; where nothing comes, with one of their own.
void Sequencer::State::wake_for_gaps() {
  if (admission.ledger().empty()) return;
  Batch clocks_only;
  clocks_only.clocks = read_clocks();
  queue.push_if_empty(std::move(clocks_only));
}

void Sequencer::State::halt(const std::string& reason) {
  if (halted.exchange(true)) return;
  boost::asio::post(executor, [reason, hooks_now = hooks] {
    if (hooks_now->halt) hooks_now->halt(reason);
  });
}

void Sequencer::State::fail(const std::string& reason) {
  failed = true;
  queue.discard();
  boost::asio::post(executor, [reason, hooks_now = hooks] {
    if (hooks_now->failure) hooks_now->failure(reason);
  });
}

}  // namespace stele::daemon
