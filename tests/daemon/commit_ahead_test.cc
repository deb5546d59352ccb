// Goal: batches are prepared only while they wait behind others, no more of them than the limits
// say, and are never taken half prepared; what is made ahead is what would have been made later.
// Method: the queue alone, both of its threads played by the test; then the thread itself. A whole
// sequencer with it: sequencer_full_test.
#include "daemon/commit_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "daemon/batch_queue.h"

namespace stele::daemon {
namespace {

constexpr std::uint64_t kMany = 1u << 20;
constexpr std::chrono::milliseconds kRoom{20};  // for what must not happen to happen

Batch numbered(std::size_t records, std::size_t first = 0) {
  Batch batch;
  for (std::size_t i = 0; i < records; ++i) {
    const std::string event = "event " + std::to_string(first + i);
    batch.items.push_back({attest::Kind::event, static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(event.size()), 42});
    batch.bytes.insert(batch.bytes.end(), event.begin(), event.end());
  }
  return batch;
}

class CommitAheadTest : public ::testing::Test {
 protected:
  CommitAheadTest() { push(1); }  // the group that is given out
  void push(std::size_t records, std::size_t first = 0) {
    ASSERT_EQ(queue_.push(numbered(records, first), {}), BatchQueue::Push::taken);
  }
  std::vector<Batch> take(std::uint64_t records = kMany) {
    std::vector<Batch> taken;
    EXPECT_TRUE(queue_.take(taken, kMany * 64, records));
    return taken;
  }
  // It waits until the queue is closed.
  void expect_that_nothing_is_to_be_prepared() {
    std::thread closes([this] {
      std::this_thread::sleep_for(kRoom);
      queue_.close();
    });
    EXPECT_TRUE(queue_.unprepared().empty());
    closes.join();
  }

  BatchQueue queue_{kMany * 64, kMany};
};

TEST_F(CommitAheadTest, WithNothingGivenOutNothingIsToBePrepared) {
  push(BatchQueue::kWorthPreparing);
  expect_that_nothing_is_to_be_prepared();
}

TEST_F(CommitAheadTest, WhatWaitsBehindAGroupIsToBePreparedOnce) {
  take();
  push(BatchQueue::kWorthPreparing);
  EXPECT_EQ(queue_.unprepared().size(), 1u);
  queue_.prepared();
  push(BatchQueue::kWorthPreparing, 7);
  const auto next = queue_.unprepared();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next.front()->bytes, numbered(BatchQueue::kWorthPreparing, 7).bytes);
  queue_.prepared();
  queue_.release();
  EXPECT_EQ(take().size(), 2u);
}

TEST_F(CommitAheadTest, FewerThanAreWorthItAndMoreThanTheMostAreLeft) {
  take();
  push(BatchQueue::kWorthPreparing - 1);
  std::thread pushes([this] {
    std::this_thread::sleep_for(kRoom);
    push(1);
  });
  EXPECT_EQ(queue_.unprepared().size(), 2u) << "given out before it was worth it";
  pushes.join();
  queue_.prepared();
  std::uint64_t prepared = BatchQueue::kWorthPreparing;
  for (int i = 0; i < 40; ++i) push(BatchQueue::kPreparedAtOnce);
  while (prepared < BatchQueue::kMostPrepared) {
    const auto batches = queue_.unprepared();
    ASSERT_EQ(batches.size(), 1u) << "more at once than " << BatchQueue::kPreparedAtOnce;
    prepared += batches.front()->items.size();
    queue_.prepared();
  }
  EXPECT_LT(prepared, BatchQueue::kMostPrepared + BatchQueue::kPreparedAtOnce);
  expect_that_nothing_is_to_be_prepared();
}

TEST_F(CommitAheadTest, WhatIsTakenMakesRoomForMore) {
  take();
  for (int i = 0; i < 17; ++i) push(BatchQueue::kPreparedAtOnce);
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(queue_.unprepared().size(), 1u);
    queue_.prepared();
  }
  queue_.release();
  EXPECT_EQ(take(BatchQueue::kPreparedAtOnce).size(), 1u);
  EXPECT_EQ(queue_.unprepared().size(), 1u);
  queue_.prepared();
}

TEST_F(CommitAheadTest, NothingIsTakenNorDiscardedInTheMiddle) {
  for (const bool discards : {false, true}) {
    take();
    push(BatchQueue::kWorthPreparing);
    ASSERT_EQ(queue_.unprepared().size(), 1u);
    queue_.release();
    std::atomic<bool> done{false};
    std::thread taker([&] {
      if (discards) {
        queue_.discard();
      } else {
        EXPECT_EQ(take().size(), 1u);
      }
      EXPECT_TRUE(done);
    });
    std::this_thread::sleep_for(kRoom);
    done = true;
    queue_.prepared();
    taker.join();
    if (!discards) push(1);
  }
}

TEST_F(CommitAheadTest, ABatchThatOnlyWakesWaitsBehindNothing) {
  take();
  queue_.push_if_empty({});
  queue_.release();
  EXPECT_EQ(take().size(), 1u) << "an empty one, where nothing waited";
  push(1);
  for (int i = 0; i < 100; ++i) queue_.push_if_empty({});
  queue_.release();
  EXPECT_EQ(take().size(), 1u) << "what waits brings a group anyway";
}

// Each record's commitment is to its salt and its own bytes; no salt comes twice.
void expect_committed(const Batch& batch, std::set<attest::Hash>& salts) {
  ASSERT_EQ(batch.commitments.size(), batch.items.size());
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    const Batch::Item& item = batch.items[i];
    const auto bytes = attest::ByteView(batch.bytes).subspan(item.offset, item.length);
    const auto tlvs = attest::ByteView(batch.bytes).subspan(item.tlv_offset, item.tlv_length);
    const Batch::Commitment& made = batch.commitments[i];
    EXPECT_EQ(made.commitment, attest::commit({made.salt, tlvs, bytes}));
    EXPECT_TRUE(salts.insert(made.salt).second);
  }
}

TEST_F(CommitAheadTest, WhatIsMadeAheadIsWhatWouldHaveBeenMade) {
  std::set<attest::Hash> salts;
  std::size_t made = 0;
  {
    const CommitAhead ahead(queue_);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (made < 5 && std::chrono::steady_clock::now() < deadline) {
      for (std::size_t i = 0; i < 4; ++i) {
        Batch batch = numbered(300, i);
        batch.items[1].tlv_offset = 3;  // any bytes of the batch may be an item's TLVs
        batch.items[1].tlv_length = 5;
        ASSERT_EQ(queue_.push(std::move(batch), {}), BatchQueue::Push::taken);
      }
      for (const Batch& batch : take(300)) {
        if (batch.commitments.empty()) continue;
        expect_committed(batch, salts);
        ++made;
      }
      std::this_thread::yield();
      queue_.release();
    }
    queue_.close();
  }
  EXPECT_GE(made, 5u) << "nothing was made ahead";
}

}  // namespace
}  // namespace stele::daemon
