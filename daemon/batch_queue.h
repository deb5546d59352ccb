// The bounded queue between the senders and the sequencer's thread: whole batches, counted in bytes
// and records.
//
// A batch counts from push() until release(): received, not yet durable; beside its events with
// what it takes itself, which is most of it where each event comes alone. Full means back-pressure:
// push() refuses, and the waiter is called once at most half is in use. Held means the same for
// whatever comes from a sender; the daemon's own records still go in.
// Thread safety: all members from any thread, take() and release() from one, what prepares from one;
// waiters are called on the releasing one. Blocks: take(), unprepared().
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "daemon/sequencer.h"

namespace stele::daemon {

class BatchQueue {
 public:
  BatchQueue(std::uint64_t max_bytes, std::uint64_t max_records)
      : max_bytes_(max_bytes), max_records_(max_records) {}

  enum class Push { taken, full, held, closed };
  // Unless taken, the batch is untouched. An empty queue takes any batch. No waiter: nobody waits.
  // waits_for_room: else it waits only where it is held, since what finds the queue full is dropped.
  Push push(Batch&& batch, std::function<void()> waiter, bool waits_for_room = true);
  // So that there is a group though nothing comes: an empty batch, unless something waits already.
  void push_if_empty(Batch&& batch);
  void hold(bool held);
  // Waits for batches and moves as many as fit these limits, but at least one, to the end of `out`.
  // False: closed and empty.
  bool take(std::vector<Batch>& out, std::uint64_t group_bytes, std::uint64_t group_records);
  // What take() gave out is done with.
  void release();
  // For a thread that does a part of the work beforehand. Of the batches that wait while others are
  // given out, the next that are not prepared, of together at most kPreparedAtOnce records, or one
  // batch: they stay in their places, and take() waits for prepared() before it comes to them. Waits
  // until that is worth it. Empty: closed.
  std::vector<Batch*> unprepared();
  void prepared();  // what unprepared() gave out

  // Of each batch: itself, whom to tell and how, what the allocator adds.
  static constexpr std::uint64_t kBatchBytes = 512;
  static constexpr std::uint64_t kPreparedAtOnce = 1024;    // take() waits for no more than these
  static constexpr std::uint64_t kWorthPreparing = 512;     // fewer are no trouble when they are due
  static constexpr std::uint64_t kMostPrepared = 1u << 14;  // and one batch; 64 bytes each
  void close();    // no more pushes; take() gives what is there
  void discard();  // close, and drop what is there
  // Returns early, with true, once closed.
  bool wait_closed(std::chrono::milliseconds limit);
  std::uint64_t bytes() const;
  std::uint64_t records() const;

 private:
  struct Weight {
    std::uint64_t bytes = 0;
    std::uint64_t records = 0;
  };
  static Weight weigh(const Batch& batch);    // as a group's limits count it
  static Weight room_of(const Batch& batch);  // as the queue's do
  std::vector<std::function<void()>> waiters_to_call();
  bool is_worth_preparing() const;

  const std::uint64_t max_bytes_;
  const std::uint64_t max_records_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable worth_preparing_;
  std::deque<Batch> batches_;
  std::vector<std::function<void()>> waiters_;
  Weight used_;   // of batches_ and taken_
  Weight taken_;  // given out, not released
  // The first of batches_: prepared, and behind them being prepared.
  std::size_t prepared_batches_ = 0;
  std::size_t batches_in_preparation_ = 0;
  std::uint64_t prepared_records_ = 0;  // of both
  bool preparer_waits_ = false;
  bool held_ = false;
  bool closed_ = false;
};

}  // namespace stele::daemon
