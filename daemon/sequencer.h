// The sequencer: the single writer; gives each event its place, and tells only when it is durable.
//
// One thread hashes, writes and syncs (Store::append); whatever arrived while the last sync ran
// goes into the next group. A bounded queue stands before it: submit() refuses (returns false) when
// full and calls the waiter when there is room again: back-pressure, never loss. Thread safety:
// submit() and head() from any thread; callbacks run on the executor given. Errors: after a failed
// write or sync `failure` is called once with the reason, and nothing is acknowledged any more. A
// full disk is waited for: nothing is lost, senders feel back-pressure. Durability: `placed` is
// called only after fdatasync returned. Where [on] says drop-with-record, or the sender cannot wait,
// what finds no room is counted instead of waited for, and a gap record of its sender says so once
// there is room.
//
// A step of the wall clock becomes a note before the first record that was stamped after it, a
// commit that took seconds beside an anchor one behind it, and critical events are told once they
// are durable.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attest/gap.h"
#include "attest/merkle.h"
#include "attest/record.h"
#include "daemon/config.h"
#include "daemon/drop_ledger.h"
#include "daemon/duration_histogram.h"
#include "daemon/wall_clock.h"
#include "storage/store.h"

namespace stele::daemon {

// Events of one sender that go in together, in order. Owns its bytes.
struct Batch {
  struct Item {
    attest::Kind kind = attest::Kind::event;
    std::uint32_t offset = 0;  // into bytes
    std::uint32_t length = 0;
    std::int64_t time_ns = 0;
    std::uint32_t tlv_offset = 0;  // its TLVs (attest/record.h, canonical), into bytes as well
    std::uint32_t tlv_length = 0;
  };
  // Describes the sender (canonical JSON); the sequencer writes it as a source record before the
  // first event that refers to it, and anew when it would leave the window. Shared by all batches
  // of a connection.
  std::shared_ptr<const std::string> source;
  attest::Bytes bytes;
  std::vector<Item> items;
  // Made for all of them while the batch waited (commit_ahead.h), or for none.
  struct Commitment {
    attest::Hash salt;
    attest::Hash commitment;
  };
  std::vector<Commitment> commitments = {};
  // The clocks when its items were stamped; none: not compared.
  std::optional<ClockReading> clocks;
  bool critical = false;  // whatever it contains: asks for a counter anchor
  // The indices the items got: [first, first + items.size()), contiguous.
  std::function<void(std::uint64_t first)> placed;
  // Or none of it was taken, and it is counted: [on] says so. Called instead of `placed`.
  std::function<void()> dropped = {};
  bool waits = false;  // never dropped: its sender keeps what is not taken
};

constexpr std::size_t kMaxBatchRecords = 4096;  // items of one batch of a stream
// Of one that must become durable whole or not at all: a batch is never parted between groups.
constexpr std::size_t kMaxWholeBatchRecords = 1u << 14;

struct SequencerStatus {
  std::uint64_t queued_records = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t groups = 0;             // committed since the start
  bool disk_full = false;               // waiting for space
  bool disk_low = false;                // less than limits.disk_low_bytes
  bool suspended = false;               // senders wait because of that
  // Events since the start, by reason; each counted by a gap record.
  std::map<std::string, std::uint64_t> dropped;
  std::chrono::nanoseconds writing{0};  // for how long one write has been at the disk; 0: none is
  bool failed = false;
};

class Sequencer {
 public:
  struct Hooks {
    std::function<void(attest::TreeHead)> durable;    // after every group
    std::function<void(std::string reason)> failure;  // once
    // A critical event lies in the records [0, size), which are durable.
    std::function<void(std::uint64_t size)> critical = {};
    // [on] says halt, for this reason; once.
    std::function<void(std::string reason)> halt = {};
  };
  Sequencer(storage::Store store, const Config&, boost::asio::any_io_executor, Hooks);
  ~Sequencer();
  // False: full, the batch is untouched; `room` is called (on the executor) when it is worth trying
  // again; none: nobody waits for that. True: it will be placed or dropped.
  bool submit(Batch&& batch, std::function<void()> room);
  // [on] has what senders send dropped now, whether there is room or not.
  bool is_dropping() const;
  // It was refused, and its sender does not wait: its events are counted by reason, and a gap record
  // says so as soon as there is room.
  void lose(const Batch& batch);
  // So for events that somebody else did not keep. The gap has a span. counted_to: how far their
  // input has counted with this gap; durable in one write with its record, whenever that is.
  void lose(const std::shared_ptr<const std::string>& source, const attest::Gap& gap,
            const std::optional<DropLedger::Position>& counted_to = std::nullopt);
  // The same of an input that has counted and found nothing lost: in a note.
  void state_position(const DropLedger::Position& position);
  const storage::Store& store() const;
  attest::TreeHead head() const;  // durable
  // The same, for a statement that is made over it at once: what waits on its way to the disk
  // meanwhile will be dated before it, and is noted where that is seconds (slow_commits.h).
  attest::TreeHead head_to_anchor();
  SequencerStatus status() const;
  // More waits or is written than a thread does in passing: work that can wait should.
  bool is_busy() const;
  const DurationHistogram& append_times() const;  // of groups that became durable
  // Returns when a step of the wall clock up to now is a durable note, so that a statement made
  // next is explained; at once if there is none. Gives up after the limit, or when nothing can
  // become durable. From any thread but the executor's.
  void note_clock_step(std::chrono::milliseconds limit);
  // To be called about once a second: whether the disk is low; also has drops recorded in time.
  void set_disk_low(bool low);
  void stop_dropping();  // the daemon ends: what finds no room waits, drops are recorded at once
  void drain();  // blocks until all that was submitted is durable or failed, then ends the thread

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::daemon
