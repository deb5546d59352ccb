// Goal: every event gets its place once, in its sender's order, and is told of only when it is
// durable; a failing disk ends acknowledging. Method: sequencers over real stores and over a file
// system in memory that fails the n-th operation. A full one: sequencer_full_test.cc.
#include "daemon/sequencer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "daemon/ingest/position.h"
#include "tests/daemon/sequencer_bed.h"

namespace stele::daemon {
namespace {

using test::batch_of;
using test::SequencerBed;
using test::text_of;

TEST(Sequencer, TlvsAreCommittedToBesideTheirEvent) {
  SequencerBed bed;
  attest::Bytes tlvs;
  attest::append_tlv(tlvs, attest::TlvType::sender_position, attest::view("cursor 7"));
  Batch batch = batch_of({"with", "without"});
  batch.items[0].tlv_offset = static_cast<std::uint32_t>(batch.bytes.size());
  batch.items[0].tlv_length = static_cast<std::uint32_t>(tlvs.size());
  batch.bytes.insert(batch.bytes.end(), tlvs.begin(), tlvs.end());
  bed.submit(std::move(batch));
  bed.end();
  const storage::Store& store = bed.sequencer->store();
  const std::uint64_t size = store.head().size;
  const storage::StoredRecord with = store.read(size - 2);
  EXPECT_EQ(text_of(with), "with");
  EXPECT_EQ(with.tlvs, tlvs);
  EXPECT_EQ(with.leaf.commitment, attest::commit({with.salt, tlvs, with.bytes}));
  EXPECT_TRUE(store.read(size - 1).tlvs.empty());
}

TEST(Sequencer, BatchesStayWholeAndInTheirSendersOrder) {
  SequencerBed bed;
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
        bed.submit(std::move(batch));
      }
    });
  }
  for (auto& sender : senders) sender.join();
  bed.end();
  EXPECT_EQ(placements, 200);
  std::map<char, std::vector<std::string>> by_sender;
  const storage::Store& store = bed.sequencer->store();
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
  SequencerBed bed;
  std::atomic<std::uint64_t> placed{0};
  for (const char* text : {"one", "two", "three"}) {
    Batch batch = batch_of({text});
    batch.placed = [&](std::uint64_t first) { placed = first; };
    bed.submit(std::move(batch));
  }
  bed.end();
  const auto after = bed.files.power_loss({});  // everything not synced is gone
  const auto store = storage::Store::open(*after, "/log", {});
  EXPECT_EQ(placed, 3u);
  EXPECT_EQ(store.head().size, 4u);
  EXPECT_EQ(text_of(store.read(3)), "three");
}

// What the records are, after the genesis: "kind:bytes".
std::vector<std::string> records_of(const SequencerBed& bed) {
  std::vector<std::string> records;
  const storage::Store& store = bed.sequencer->store();
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
  SequencerBed bed;
  const ClockReading now = read_clocks();
  const ClockReading later{now.wall_ns + 3 * kYearNs, now.offset_ns + 3 * kYearNs, 0};
  bed.submit(stamped("before", now));
  bed.submit(stamped("after", later));
  bed.submit(stamped("stamped before, sent late", now));
  bed.submit(stamped("after again", later));
  bed.submit(batch_of({"without clocks"}));
  bed.end();
  const auto records = records_of(bed);
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
  SequencerBed bed;
  for (int i = 0; i < 50; ++i) bed.submit(stamped("event", read_clocks()));
  bed.sequencer->note_clock_step(std::chrono::seconds(30));
  bed.end();
  EXPECT_EQ(records_of(bed), std::vector<std::string>(50, "event:event"));
}

// An anchor asks before it freezes a head, with or without events.
TEST(Sequencer, AStepIsADurableNoteWhenNoteClockStepReturns) {
  SequencerBed bed;
  const ClockReading now = read_clocks();
  bed.submit(stamped("an hour ahead", {now.wall_ns, now.offset_ns + 3'600'000'000'000, 0}));
  while (bed.durable < 3) std::this_thread::yield();
  bed.sequencer->note_clock_step(std::chrono::seconds(30));  // the clocks are an hour behind that
  EXPECT_EQ(bed.sequencer->head().size, 4u);
  bed.sequencer->note_clock_step(std::chrono::seconds(30));
  bed.end();
  const auto records = records_of(bed);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_NEAR(step_in(records[2]), -3600.0, 60.0);
}

TEST(Sequencer, ACriticalEventIsToldOnceItIsDurable) {
  Config config;
  config.critical_events = {"sudo"};
  SequencerBed bed(config);
  bed.submit(batch_of({"harmless", "su do"}));
  bed.submit(batch_of({"one", "by sudo", "three"}));
  Batch marked = batch_of({"whatever"});
  marked.critical = true;
  const std::uint64_t before = 6;  // genesis and five events
  while (bed.critical < before) std::this_thread::yield();
  EXPECT_GE(bed.sequencer->head().size, bed.critical);
  bed.submit(std::move(marked));
  while (bed.critical < before + 1) std::this_thread::yield();
  bed.submit(batch_of({"harmless"}));
  bed.end();
  EXPECT_EQ(bed.critical, before + 1);
}

TEST(Sequencer, SaltsNeverRepeat) {
  SequencerBed bed;
  for (int i = 0; i < 20; ++i) bed.submit(batch_of({"the same", "the same"}));
  bed.end();
  std::set<attest::Hash> commitments;
  const storage::Store& store = bed.sequencer->store();
  store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
    EXPECT_TRUE(commitments.insert(record.leaf.commitment).second);
    return true;
  });
  EXPECT_EQ(commitments.size(), 40u);
}

TEST(Sequencer, WhateverOperationFailsNothingUnsyncedIsToldAndFailureIsToldOnce) {
  for (const auto failure : {test::Failure::failed, test::Failure::happened, test::Failure::torn}) {
    for (std::uint64_t at = 0; at < 12; ++at) {
      SequencerBed bed({}, {at, failure, EIO, true});
      std::atomic<std::uint64_t> told{1};  // records known to be durable
      for (int i = 0; i < 6 && !bed.sequencer->status().failed; ++i) {
        Batch batch = batch_of({"event"});
        batch.placed = [&](std::uint64_t first) { told = first + 1; };
        if (!bed.sequencer->submit(std::move(batch), [] {})) break;
      }
      bed.end();
      if (bed.files.injected()) {
        EXPECT_EQ(bed.failures, 1) << at;
      }
      EXPECT_EQ(bed.sequencer->status().failed, bed.failures == 1) << at;
      EXPECT_FALSE(bed.sequencer->submit(batch_of({"late"}), [] {})) << at;
      const auto after = bed.files.power_loss({});
      EXPECT_GE(storage::Store::open(*after, "/log", {}).head().size, told) << at;
    }
  }
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
    SequencerBed bed;
    bed.submit(batch_of({"the beginning"}));
    bed.sequencer->lose(kLoser, kLoss, kCounted);
    bed.end();
    EXPECT_EQ(records_of(bed), (std::vector<std::string>{"event:the beginning",
                                                           "source:" + *kLoser,
                                                           "gap:" + encode(kLoss)}));
    EXPECT_EQ(newest_position(bed.sequencer->store(), "udp-drops")->value, "seven");
  }
}

// Else a daemon that is killed in between has its next life tell the loss again, or never.
TEST(Sequencer, APositionIsDurableWithTheLossThatItCountsOrNotAtAll) {
  int with = 0, without = 0;
  for (const auto failure : {test::Failure::failed, test::Failure::happened, test::Failure::torn}) {
    for (std::uint64_t at = 0; at < 12; ++at) {
      SequencerBed bed({}, {at, failure, EIO, true});
      bed.sequencer->submit(batch_of({"the beginning"}), [] {});
      bed.sequencer->lose(kLoser, kLoss, kCounted);
      bed.end();
      const std::vector<test::Survival> all(bed.files.waiting().size());
      for (const auto& survivals : {std::vector<test::Survival>(), all}) {
        const auto after = bed.files.power_loss(survivals);
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
