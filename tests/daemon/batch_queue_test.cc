// Goal: the queue holds no more than its limit in memory also where each event is a batch, and what
// leaves it leaves nothing behind in its account. Method: the queue alone, both sides by the test.
#include "daemon/batch_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace stele::daemon {
namespace {

constexpr std::uint64_t kQueueBytes = 1u << 20;
constexpr std::uint64_t kManyRecords = 1u << 20;

Batch one_event(std::size_t bytes = 1) {
  Batch batch;
  batch.bytes.resize(bytes, 'x');
  batch.items.push_back({attest::Kind::event, 0, static_cast<std::uint32_t>(bytes), 42});
  return batch;
}

TEST(BatchQueue, ABatchOfOneEventCountsWithWhatItTakesItself) {
  BatchQueue queue(kQueueBytes, kManyRecords);
  std::uint64_t taken = 0;
  while (queue.push(one_event(), {}) == BatchQueue::Push::taken) ++taken;
  EXPECT_GE(taken, kQueueBytes / (BatchQueue::kBatchBytes + 64));
  EXPECT_LE(taken, kQueueBytes / BatchQueue::kBatchBytes);
  EXPECT_LE(queue.bytes(), kQueueBytes);
  EXPECT_EQ(queue.records(), taken);
}

TEST(BatchQueue, WhatIsReleasedLeavesNothingInTheAccount) {
  BatchQueue queue(kQueueBytes, kManyRecords);
  Batch clocks_only;
  clocks_only.clocks = ClockReading{};
  queue.push_if_empty(std::move(clocks_only));
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(queue.push(one_event(100), {}), BatchQueue::Push::taken);
  }
  std::vector<Batch> out;
  while (queue.records() > 0) {
    out.clear();
    ASSERT_TRUE(queue.take(out, kQueueBytes, 3));
    queue.release();
  }
  EXPECT_EQ(queue.bytes(), 0u);
}

// Else a group of them would never be full in the measure by which groups grow (group_size.h).
TEST(BatchQueue, AGroupIsMeasuredByItsEvents) {
  BatchQueue queue(kQueueBytes, kManyRecords);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(queue.push(one_event(100), {}), BatchQueue::Push::taken);
  }
  std::vector<Batch> out;
  ASSERT_TRUE(queue.take(out, 5 * (100 + sizeof(Batch::Item)), kManyRecords));
  EXPECT_EQ(out.size(), 5u);
}

}  // namespace
}  // namespace stele::daemon
