// Goal: every event gets its place once, in its sender's order, and is told of only when it is
// durable; a failing disk ends acknowledging, a full one is waited for. Method: sequencers over
// real stores and over a file system in memory that fails the n-th operation.
#include "daemon/sequencer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "daemon/group_size.h"
#include "daemon/ingest/position.h"
#include "tests/daemon/ingest_bed.h"
#include "tests/support/memory_file_system.h"

namespace stele::daemon {
namespace {

Batch batch_of(const std::vector<std::string>& events,
               std::shared_ptr<const std::string> source = nullptr) {
  Batch batch;
  batch.source = std::move(source);
  for (const std::string& event : events) {
    batch.items.push_back({attest::Kind::event, static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(event.size()), 42});
    batch.bytes.insert(batch.bytes.end(), event.begin(), event.end());
  }
  return batch;
}

// A sequencer over a file system in memory, with a thread for its callbacks.
class Bench {
 public:
  explicit Bench(const Config& config = {}, const test::Injection& injection = {})
      : work_(context_.get_executor()) {
    auto store = test::new_store(files, "/log");
    start_ = files.operations();
    test::Injection shifted = injection;
    if (injection.at != test::Injection{}.at) shifted.at += start_;
    files.inject(shifted);
    sequencer.emplace(std::move(store), config, context_.get_executor(),
                      Sequencer::Hooks{[this](attest::TreeHead head) { durable = head.size; },
                                       [this](std::string) { ++failures; },
                                       [this](std::uint64_t size) { critical = size; }});
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Bench() { end(); }
  void end() {
    if (!thread_.joinable()) return;
    sequencer->drain();
    work_.reset();
    thread_.join();
  }
  // Submits, waiting for room.
  void submit(Batch batch) {
    while (!sequencer->submit(std::move(batch), [] {})) {
      ASSERT_FALSE(sequencer->status().failed);
      std::this_thread::yield();
    }
  }

  test::MemoryFileSystem files;
  std::optional<Sequencer> sequencer;
  std::atomic<std::uint64_t> durable{0};
  std::atomic<int> failures{0};
  std::atomic<std::uint64_t> critical{0};
  std::uint64_t start_ = 0;

 private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

std::string text_of(const storage::StoredRecord& record) {
  return {record.bytes.begin(), record.bytes.end()};
}

TEST(Sequencer, TlvsAreCommittedToBesideTheirEvent) {
  Bench bench;
  attest::Bytes tlvs;
  attest::append_tlv(tlvs, attest::TlvType::sender_position, attest::view("cursor 7"));
  Batch batch = batch_of({"with", "without"});
  batch.items[0].tlv_offset = static_cast<std::uint32_t>(batch.bytes.size());
  batch.items[0].tlv_length = static_cast<std::uint32_t>(tlvs.size());
  batch.bytes.insert(batch.bytes.end(), tlvs.begin(), tlvs.end());
  bench.submit(std::move(batch));
  bench.end();
  const storage::Store& store = bench.sequencer->store();
  const std::uint64_t size = store.head().size;
  const storage::StoredRecord with = store.read(size - 2);
  EXPECT_EQ(text_of(with), "with");
  EXPECT_EQ(with.tlvs, tlvs);
  EXPECT_EQ(with.leaf.commitment, attest::commit({with.salt, tlvs, with.bytes}));
  EXPECT_TRUE(store.read(size - 1).tlvs.empty());
}

TEST(Sequencer, BatchesStayWholeAndInTheirSendersOrder) {
  Bench bench;
  std::atomic<int> placements{0};
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.emplace_back([&, sender] {
      const auto source =
          std::make_shared<const std::string>("{\"sender\":" + std::to_string(sender) + "}");
      for (int b = 0; b < 50; ++b) {
        const std::string stem = std::to_string(sender) + ":" + std::to_string(b) + ":";
        Batch batch = batch_of({stem + "0", stem + "1", stem + "2"}, source);
        batch.placed = [&](std::uint64_t) { ++placements; };
        bench.submit(std::move(batch));
      }
    });
  }
  for (auto& sender : senders) sender.join();
  bench.end();
  EXPECT_EQ(placements, 200);
  std::map<char, std::vector<std::string>> by_sender;
  const storage::Store& store = bench.sequencer->store();
  std::string previous;
  store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
    const std::string text = text_of(record);
    if (record.leaf.kind == attest::Kind::event) {
      by_sender[text.front()].push_back(text);
      EXPECT_EQ(text_of(store.read(record.leaf.source)),
                std::string("{\"sender\":") + text.front() + "}");
      EXPECT_LT(record.leaf.source, record.index);
      EXPECT_EQ(record.leaf.time_ns, 42);
      if (!text.ends_with(":0")) {
        EXPECT_EQ(previous.substr(0, previous.rfind(':')), text.substr(0, text.rfind(':')));
      }
    }
    previous = text;
    return true;
  });
  for (const auto& [sender, texts] : by_sender) {
    ASSERT_EQ(texts.size(), 150u);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(texts[i],
                std::string(1, sender) + ":" + std::to_string(i / 3) + ":" + std::to_string(i % 3));
    }
  }
}

TEST(Sequencer, APlacementIsToldOnlyOfWhatSurvivesALossOfPower) {
  Bench bench;
  std::atomic<std::uint64_t> placed{0};
  for (const char* text : {"one", "two", "three"}) {
    Batch batch = batch_of({text});
    batch.placed = [&](std::uint64_t first) { placed = first; };
    bench.submit(std::move(batch));
  }
  bench.end();
  const auto after = bench.files.power_loss({});  // everything not synced is gone
  const auto store = storage::Store::open(*after, "/log", {});
  EXPECT_EQ(placed, 3u);
  EXPECT_EQ(store.head().size, 4u);
  EXPECT_EQ(text_of(store.read(3)), "three");
}

// What the records are, after the genesis: "kind:bytes".
std::vector<std::string> records_of(const Bench& bench) {
  std::vector<std::string> records;
  const storage::Store& store = bench.sequencer->store();
  store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
    records.push_back(std::string(attest::name(record.leaf.kind)) + ":" + text_of(record));
    return true;
  });
  return records;
}

// The seconds in a note of a clock step; 0: it is none.
double step_in(const std::string& record) {
  const std::string begin = "note:{\"note\":\"clock_step\",\"by_ns\":";
  if (!record.starts_with(begin)) return 0;
  return static_cast<double>(std::stoll(record.substr(begin.size()))) / 1e9;
}

Batch stamped(const std::string& event, const ClockReading& clocks) {
  Batch batch = batch_of({event});
  batch.clocks = clocks;
  return batch;
}

constexpr std::int64_t kYearNs = std::int64_t{365} * 86'400 * 1'000'000'000;

TEST(Sequencer, AStepOfTheWallClockIsNotedBeforeTheFirstEventStampedAfterIt) {
  Bench bench;
  const ClockReading now = read_clocks();
  const ClockReading later{now.wall_ns + 3 * kYearNs, now.offset_ns + 3 * kYearNs, 0};
  bench.submit(stamped("before", now));
  bench.submit(stamped("after", later));
  bench.submit(stamped("stamped before, sent late", now));
  bench.submit(stamped("after again", later));
  bench.submit(batch_of({"without clocks"}));
  bench.end();
  const auto records = records_of(bench);
  ASSERT_EQ(records.size(), 8u);
  EXPECT_EQ(records[0], "event:before");
  EXPECT_NEAR(step_in(records[1]), 94608000.0, 1.0);
  EXPECT_EQ(records[2], "event:after");
  EXPECT_NEAR(step_in(records[3]), -94608000.0, 1.0);
  EXPECT_EQ(records[4], "event:stamped before, sent late");
  EXPECT_NEAR(step_in(records[5]), 94608000.0, 1.0);
  EXPECT_EQ(records[6], "event:after again");
  EXPECT_EQ(records[7], "event:without clocks");
}

TEST(Sequencer, WithoutAStepNothingIsNoted) {
  Bench bench;
  for (int i = 0; i < 50; ++i) bench.submit(stamped("event", read_clocks()));
  bench.sequencer->note_clock_step(std::chrono::seconds(30));
  bench.end();
  EXPECT_EQ(records_of(bench), std::vector<std::string>(50, "event:event"));
}

// An anchor asks before it freezes a head, with or without events.
TEST(Sequencer, AStepIsADurableNoteWhenNoteClockStepReturns) {
  Bench bench;
  const ClockReading now = read_clocks();
  bench.submit(stamped("an hour ahead", {now.wall_ns, now.offset_ns + 3'600'000'000'000, 0}));
  while (bench.durable < 3) std::this_thread::yield();
  bench.sequencer->note_clock_step(std::chrono::seconds(30));  // the clocks are an hour behind that
  EXPECT_EQ(bench.sequencer->head().size, 4u);
  bench.sequencer->note_clock_step(std::chrono::seconds(30));
  bench.end();
  const auto records = records_of(bench);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_NEAR(step_in(records[2]), -3600.0, 60.0);
}

TEST(Sequencer, ACriticalEventIsToldOnceItIsDurable) {
  Config config;
  config.critical_events = {"sudo"};
  Bench bench(config);
  bench.submit(batch_of({"harmless", "su do"}));
  bench.submit(batch_of({"one", "by sudo", "three"}));
  Batch marked = batch_of({"whatever"});
  marked.critical = true;
  const std::uint64_t before = 6;  // genesis and five events
  while (bench.critical < before) std::this_thread::yield();
  EXPECT_GE(bench.sequencer->head().size, bench.critical);
  bench.submit(std::move(marked));
  while (bench.critical < before + 1) std::this_thread::yield();
  bench.submit(batch_of({"harmless"}));
  bench.end();
  EXPECT_EQ(bench.critical, before + 1);
}

TEST(Sequencer, SaltsNeverRepeat) {
  Bench bench;
  for (int i = 0; i < 20; ++i) bench.submit(batch_of({"the same", "the same"}));
  bench.end();
  std::set<attest::Hash> commitments;
  const storage::Store& store = bench.sequencer->store();
  store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
    EXPECT_TRUE(commitments.insert(record.leaf.commitment).second);
    return true;
  });
  EXPECT_EQ(commitments.size(), 40u);
}

TEST(Sequencer, WhateverOperationFailsNothingUnsyncedIsToldAndFailureIsToldOnce) {
  for (const auto failure : {test::Failure::failed, test::Failure::happened, test::Failure::torn}) {
    for (std::uint64_t at = 0; at < 12; ++at) {
      Bench bench({}, {at, failure, EIO, true});
      std::atomic<std::uint64_t> told{1};  // records known to be durable
      for (int i = 0; i < 6 && !bench.sequencer->status().failed; ++i) {
        Batch batch = batch_of({"event"});
        batch.placed = [&](std::uint64_t first) { told = first + 1; };
        if (!bench.sequencer->submit(std::move(batch), [] {})) break;
      }
      bench.end();
      if (bench.files.injected()) {
        EXPECT_EQ(bench.failures, 1) << at;
      }
      EXPECT_EQ(bench.sequencer->status().failed, bench.failures == 1) << at;
      EXPECT_FALSE(bench.sequencer->submit(batch_of({"late"}), [] {})) << at;
      const auto after = bench.files.power_loss({});
      EXPECT_GE(storage::Store::open(*after, "/log", {}).head().size, told) << at;
    }
  }
}

TEST(Sequencer, AFullDiskIsWaitedForAndSealedAsANote) {
  bool waited = false;
  for (std::uint64_t at = 0; at < 6 && !waited; ++at) {
    Bench bench({}, {at, test::Failure::failed, ENOSPC, false});
    std::atomic<bool> placed{false};
    Batch batch = batch_of({"event"});
    batch.placed = [&](std::uint64_t) { placed = true; };
    bench.submit(std::move(batch));
    while (!placed && bench.failures == 0) std::this_thread::yield();
    bench.end();
    const storage::Store& store = bench.sequencer->store();
    const std::string last = text_of(store.read(store.head().size - 1));
    waited = last.starts_with("{\"note\":\"disk_full\",\"since_ns\":");
    if (waited) {
      EXPECT_EQ(bench.failures, 0);
      EXPECT_EQ(text_of(store.read(1)), "event");
      EXPECT_EQ(bench.sequencer->status().groups, 1u) << "the note is not in the group that waited";
      EXPECT_FALSE(bench.sequencer->status().disk_full);
    }
  }
  EXPECT_TRUE(waited) << "no write met the full disk";
}

// Submits an event; whether its group waits for room. If not, it is written, or the sequencer has failed.
bool event_meets_full_disk(Bench& bench) {
  bench.submit(batch_of({"event"}));
  const auto decided = [&] { return bench.durable > 1 || bench.failures != 0; };
  while (!bench.sequencer->status().disk_full && !decided()) std::this_thread::yield();
  return bench.sequencer->status().disk_full;
}

TEST(Sequencer, WhatWaitedIsPartedIntoGroupsOfTheLimit) {
  const std::vector<std::string> many(GroupSize::kLeastRecords, "event");
  bool waited = false;
  for (std::uint64_t at = 0; at < 6 && !waited; ++at) {
    Bench bench({}, {at, test::Failure::failed, ENOSPC, false});
    waited = event_meets_full_disk(bench);
    for (int i = 0; waited && i < 3; ++i) bench.submit(batch_of(many));
    bench.end();
    if (waited) {
      // The one that waited, one of the least limit; where that was slow, the other two may be one.
      EXPECT_GE(bench.sequencer->status().groups, 3u);
    }
  }
  EXPECT_TRUE(waited) << "no write met the full disk";
}

TEST(Sequencer, IsBusyWhileAsMuchAsASmallGroupWaits) {
  const std::vector<std::string> many(GroupSize::kLeastRecords, "event");
  bool seen = false;
  // The disk is full for 100 ms; a machine that stands still meanwhile shows nothing.
  for (std::uint64_t at = 0; at < 60 && !seen; ++at) {
    Bench bench({}, {at % 6, test::Failure::failed, ENOSPC, false});
    const bool waited = event_meets_full_disk(bench);
    EXPECT_FALSE(bench.sequencer->is_busy()) << "one event is nothing";
    if (waited) {
      bench.submit(batch_of(many));
      seen = bench.sequencer->is_busy();
    }
    bench.end();
    EXPECT_FALSE(bench.sequencer->is_busy());
  }
  EXPECT_TRUE(seen);
}

// While a group waits, those behind it are committed to ahead; then its note moves their places.
TEST(Sequencer, WhatWasCommittedToBehindAFullDiskIsWrittenAsItCame) {
  bool waited = false;
  for (std::uint64_t at = 0; at < 6 && !waited; ++at) {
    Bench bench({}, {at, test::Failure::failed, ENOSPC, false});
    waited = event_meets_full_disk(bench);
    const auto sender = std::make_shared<const std::string>("{\"sender\":1}");
    std::vector<std::string> sent;
    for (int i = 0; waited && i < 12; ++i) {
      std::vector<std::string> events;
      for (int k = 0; k < 1000; ++k) events.push_back(std::to_string(i) + ":" + std::to_string(k));
      sent.insert(sent.end(), events.begin(), events.end());
      bench.submit(batch_of(events, sender));
    }
    bench.end();
    if (!waited) continue;
    const storage::Store& store = bench.sequencer->store();
    std::vector<std::string> kept;
    std::set<std::uint64_t> sources;
    store.visit(2, store.head().size, [&](const storage::StoredRecord& record) {
      EXPECT_EQ(record.leaf.commitment, attest::commit({record.salt, record.tlvs, record.bytes}));
      if (record.leaf.kind != attest::Kind::event) return true;
      sources.insert(record.leaf.source);
      kept.push_back(text_of(record));
      return true;
    });
    EXPECT_EQ(kept, sent);
    for (const std::uint64_t source : sources) EXPECT_EQ(text_of(store.read(source)), *sender);
  }
  EXPECT_TRUE(waited) << "no write met the full disk";
}

TEST(Sequencer, ADaemonThatEndsTriesAFullDiskOnceMore) {
  bool waited = false;
  for (std::uint64_t at = 0; at < 6 && !waited; ++at) {
    Bench bench({}, {at, test::Failure::failed, ENOSPC, false});
    waited = event_meets_full_disk(bench);
    bench.end();
    EXPECT_EQ(bench.failures, 0);
    EXPECT_EQ(text_of(bench.sequencer->store().read(1)), "event");
  }
  EXPECT_TRUE(waited) << "no write met the full disk";
}

TEST(Sequencer, ADaemonThatEndsDoesNotWaitForTheDisk) {
  Config config;
  Bench bench(config, {0, test::Failure::failed, ENOSPC, true});
  bench.submit(batch_of({"event"}));
  while (!bench.sequencer->status().disk_full && bench.failures == 0) std::this_thread::yield();
  bench.end();
  EXPECT_EQ(bench.failures, 1);
}

TEST(Sequencer, FullMeansBackPressureAndRoomIsTold) {
  Config config;
  config.queue_bytes = 1 << 20;
  Bench bench(config, {0, test::Failure::failed, ENOSPC, true});  // nothing leaves the queue
  Batch large = batch_of({std::string(600'000, 'x')});
  ASSERT_TRUE(bench.sequencer->submit(std::move(large), [] {}));
  std::atomic<bool> room{false};
  Batch second = batch_of({std::string(600'000, 'y')});
  ASSERT_FALSE(bench.sequencer->submit(std::move(second), [&] { room = true; }));
  EXPECT_EQ(second.items.size(), 1u) << "a refused batch is untouched";
  EXPECT_EQ(second.bytes.size(), 600'000u);
  EXPECT_FALSE(room);
}

TEST(Sequencer, RoomIsToldWhenTheQueueHasDrained) {
  Config config;
  config.queue_records = 4096;
  Bench bench(config);
  const std::vector<std::string> many(kMaxBatchRecords, "x");
  std::atomic<int> rooms{0};
  int refused = 0;
  for (int i = 0; i < 50; ++i) {
    if (!bench.sequencer->submit(batch_of(many), [&] { ++rooms; })) ++refused;
  }
  ASSERT_GT(refused, 0) << "the queue was never full";
  bench.end();
  EXPECT_EQ(rooms, refused);
}

TEST(Sequencer, ASourceIsWrittenAnewBeforeItLeavesTheWindow) {
  test::Scratch scratch;
  boost::asio::io_context context;
  Sequencer sequencer(test::new_store(storage::posix(), scratch.path().string()), {},
                      context.get_executor(), {});
  const auto source = std::make_shared<const std::string>("{}");
  const std::vector<std::string> many(kMaxBatchRecords, "");
  for (std::uint64_t sent = 0; sent < attest::kSourceWindow / 2 + 2 * kMaxBatchRecords;) {
    Batch batch = batch_of(many, source);
    if (sequencer.submit(std::move(batch), [] {})) {
      sent += kMaxBatchRecords;
    } else {
      std::this_thread::yield();
    }
  }
  sequencer.drain();
  const storage::Store& store = sequencer.store();
  const std::uint64_t last = store.head().size - 1;
  EXPECT_EQ(store.read(2).leaf.source, 1u);
  EXPECT_GT(store.read(last).leaf.source, attest::kSourceWindow / 2);
  EXPECT_EQ(store.read(store.read(last).leaf.source).leaf.kind, attest::Kind::source);
}

const auto kLoser = std::make_shared<const std::string>("{\"listener\":1}");
const attest::Gap kLoss{7, "kernel_drop", attest::GapSpan{1000, 2000}};
const DropLedger::Position kCounted{"udp-drops", "seven"};

TEST(Sequencer, WhatALifeBeginsWithStandsBeforeWhatItFindsLost) {
  for (int i = 0; i < 50; ++i) {
    Bench bench;
    bench.submit(batch_of({"the beginning"}));
    bench.sequencer->lose(kLoser, kLoss, kCounted);
    bench.end();
    EXPECT_EQ(records_of(bench), (std::vector<std::string>{"event:the beginning",
                                                           "source:" + *kLoser,
                                                           "gap:" + encode(kLoss)}));
    EXPECT_EQ(newest_position(bench.sequencer->store(), "udp-drops")->value, "seven");
  }
}

// Else a daemon that is killed in between has its next life tell the loss again, or never.
TEST(Sequencer, APositionIsDurableWithTheLossThatItCountsOrNotAtAll) {
  int with = 0, without = 0;
  for (const auto failure : {test::Failure::failed, test::Failure::happened, test::Failure::torn}) {
    for (std::uint64_t at = 0; at < 12; ++at) {
      Bench bench({}, {at, failure, EIO, true});
      bench.sequencer->submit(batch_of({"the beginning"}), [] {});
      bench.sequencer->lose(kLoser, kLoss, kCounted);
      bench.end();
      const std::vector<test::Survival> all(bench.files.waiting().size());
      for (const auto& survivals : {std::vector<test::Survival>(), all}) {
        const auto after = bench.files.power_loss(survivals);
        const auto store = storage::Store::open(*after, "/log", {});
        int gaps = 0;
        store.visit(0, store.head().size, [&](const storage::StoredRecord& record) {
          gaps += record.leaf.kind == attest::Kind::gap ? 1 : 0;
          return true;
        });
        EXPECT_EQ(gaps, newest_position(store, "udp-drops") ? 1 : 0) << at;
        ++(gaps > 0 ? with : without);
      }
    }
  }
  EXPECT_GT(with, 0);
  EXPECT_GT(without, 0);
}

}  // namespace
}  // namespace stele::daemon
