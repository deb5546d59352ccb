// Sequencer::State: what the sequencer's public side and its thread share, and what the thread
// makes a group of.
//
// Inside of sequencer.h only; its parts are in sequencer.cc (what others ask) and
// sequencer_thread.cc (what the thread does).
// Thread safety: the members down to critical_events from any thread; the rest is the thread's own.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/admission.h"
#include "daemon/batch_queue.h"
#include "daemon/commit_ahead.h"
#include "daemon/critical_events.h"
#include "daemon/gap_records.h"
#include "daemon/group_size.h"
#include "daemon/record_salts.h"
#include "daemon/sequencer.h"
#include "daemon/slow_commits.h"
#include "daemon/wall_clock.h"

namespace stele::daemon {

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
  std::uint64_t add_slow_commit(std::uint64_t next_index);
  std::uint64_t add_gaps(std::uint64_t next_index);
  std::uint64_t add_notes(const Batch& batch, std::uint64_t next_index);
  std::uint64_t source_for(const std::string& source, std::int64_t time_ns,
                           std::uint64_t next_index);
  static std::int64_t steady_ns();
  attest::TreeHead append();
  void drop(Batch&& batch, std::string_view reason);
  void wake_for_gaps();
  void wake_for_slow_commit();
  void make_a_group();
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
  SlowCommits slow_commits;  // but for anchor_looks() the thread's own
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
  bool stepped = false;  // the clock did, within the group in the making
  std::thread thread;
  CommitAhead commit_ahead{queue};
};

}  // namespace stele::daemon
