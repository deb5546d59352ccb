// Goal: a full disk is waited for and a full queue pushes back: nothing is lost, whoever waits is
// told of room, and nothing is acknowledged before it is durable. Method: a file system in memory
// whose n-th operation finds no room, once or for good.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "daemon/group_size.h"
#include "tests/daemon/sequencer_bed.h"

namespace stele::daemon {
namespace {

using test::batch_of;
using test::SequencerBed;
using test::text_of;

TEST(Sequencer, AFullDiskIsWaitedForAndSealedAsANote) {
  bool waited = false;
  for (std::uint64_t at = 0; at < 6 && !waited; ++at) {
    SequencerBed bed({}, {at, test::Failure::failed, ENOSPC, false});
    std::atomic<bool> placed{false};
    Batch batch = batch_of({"event"});
    batch.placed = [&](std::uint64_t) { placed = true; };
    bed.submit(std::move(batch));
    while (!placed && bed.failures == 0) std::this_thread::yield();
    bed.end();
    const storage::Store& store = bed.sequencer->store();
    const std::string last = text_of(store.read(store.head().size - 1));
    waited = last.starts_with("{\"note\":\"disk_full\",\"since_ns\":");
    if (waited) {
      EXPECT_EQ(bed.failures, 0);
      EXPECT_EQ(text_of(store.read(1)), "event");
      EXPECT_EQ(bed.sequencer->status().groups, 1u) << "the note is not in the group that waited";
      EXPECT_FALSE(bed.sequencer->status().disk_full);
    }
  }
  EXPECT_TRUE(waited) << "no write met the full disk";
}

// Submits an event; whether its group waits for room. If not, it is written, or the sequencer has failed.
bool event_meets_full_disk(SequencerBed& bed) {
  bed.submit(batch_of({"event"}));
  const auto decided = [&] { return bed.durable > 1 || bed.failures != 0; };
  while (!bed.sequencer->status().disk_full && !decided()) std::this_thread::yield();
  return bed.sequencer->status().disk_full;
}

TEST(Sequencer, WhatWaitedIsPartedIntoGroupsOfTheLimit) {
  const std::vector<std::string> many(GroupSize::kLeastRecords, "event");
  bool waited = false;
  for (std::uint64_t at = 0; at < 6 && !waited; ++at) {
    SequencerBed bed({}, {at, test::Failure::failed, ENOSPC, false});
    waited = event_meets_full_disk(bed);
    for (int i = 0; waited && i < 3; ++i) bed.submit(batch_of(many));
    bed.end();
    if (waited) {
      // The one that waited, one of the least limit; where that was slow, the other two may be one.
      EXPECT_GE(bed.sequencer->status().groups, 3u);
    }
  }
  EXPECT_TRUE(waited) << "no write met the full disk";
}

TEST(Sequencer, IsBusyWhileAsMuchAsASmallGroupWaits) {
  const std::vector<std::string> many(GroupSize::kLeastRecords, "event");
  bool seen = false;
  // The disk is full for 100 ms; a machine that stands still meanwhile shows nothing.
  for (std::uint64_t at = 0; at < 60 && !seen; ++at) {
    SequencerBed bed({}, {at % 6, test::Failure::failed, ENOSPC, false});
    const bool waited = event_meets_full_disk(bed);
    EXPECT_FALSE(bed.sequencer->is_busy()) << "one event is nothing";
    if (waited) {
      bed.submit(batch_of(many));
      seen = bed.sequencer->is_busy();
    }
    bed.end();
    EXPECT_FALSE(bed.sequencer->is_busy());
  }
  EXPECT_TRUE(seen);
}

// While a group waits, those behind it are committed to ahead; then its note moves their places.
TEST(Sequencer, WhatWasCommittedToBehindAFullDiskIsWrittenAsItCame) {
  bool waited = false;
  for (std::uint64_t at = 0; at < 6 && !waited; ++at) {
    SequencerBed bed({}, {at, test::Failure::failed, ENOSPC, false});
    waited = event_meets_full_disk(bed);
    const auto sender = std::make_shared<const std::string>("{\"sender\":1}");
    std::vector<std::string> sent;
    for (int i = 0; waited && i < 12; ++i) {
      std::vector<std::string> events;
      for (int k = 0; k < 1000; ++k) events.push_back(std::to_string(i) + ":" + std::to_string(k));
      sent.insert(sent.end(), events.begin(), events.end());
      bed.submit(batch_of(events, sender));
    }
    bed.end();
    if (!waited) continue;
    const storage::Store& store = bed.sequencer->store();
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
    SequencerBed bed({}, {at, test::Failure::failed, ENOSPC, false});
    waited = event_meets_full_disk(bed);
    bed.end();
    EXPECT_EQ(bed.failures, 0);
    EXPECT_EQ(text_of(bed.sequencer->store().read(1)), "event");
  }
  EXPECT_TRUE(waited) << "no write met the full disk";
}

TEST(Sequencer, ADaemonThatEndsDoesNotWaitForTheDisk) {
  Config config;
  SequencerBed bed(config, {0, test::Failure::failed, ENOSPC, true});
  bed.submit(batch_of({"event"}));
  while (!bed.sequencer->status().disk_full && bed.failures == 0) std::this_thread::yield();
  bed.end();
  EXPECT_EQ(bed.failures, 1);
}

TEST(Sequencer, FullMeansBackPressureAndRoomIsTold) {
  Config config;
  config.queue_bytes = 1 << 20;
  SequencerBed bed(config, {0, test::Failure::failed, ENOSPC, true});  // nothing leaves the queue
  Batch large = batch_of({std::string(600'000, 'x')});
  ASSERT_TRUE(bed.sequencer->submit(std::move(large), [] {}));
  std::atomic<bool> room{false};
  Batch second = batch_of({std::string(600'000, 'y')});
  ASSERT_FALSE(bed.sequencer->submit(std::move(second), [&] { room = true; }));
  EXPECT_EQ(second.items.size(), 1u) << "a refused batch is untouched";
  EXPECT_EQ(second.bytes.size(), 600'000u);
  EXPECT_FALSE(room);
}

TEST(Sequencer, RoomIsToldWhenTheQueueHasDrained) {
  Config config;
  config.queue_records = 4096;
  SequencerBed bed(config);
  const std::vector<std::string> many(kMaxBatchRecords, "x");
  std::atomic<int> rooms{0};
  int refused = 0;
  for (int i = 0; i < 50; ++i) {
    if (!bed.sequencer->submit(batch_of(many), [&] { ++rooms; })) ++refused;
  }
  ASSERT_GT(refused, 0) << "the queue was never full";
  bed.end();
  EXPECT_EQ(rooms, refused);
}

}  // namespace
}  // namespace stele::daemon
