#include "daemon/batch_queue.h"

#include <utility>

namespace stele::daemon {

BatchQueue::Weight BatchQueue::weigh(const Batch& batch) {
  return {batch.bytes.size() + batch.items.size() * sizeof(Batch::Item), batch.items.size()};
}

// Without items it only brings the clocks, and takes no room.
BatchQueue::Weight BatchQueue::room_of(const Batch& batch) {
  static_assert(sizeof(Batch) <= kBatchBytes / 2);
  Weight room = weigh(batch);
  if (room.records > 0) room.bytes += kBatchBytes;
  return room;
}

BatchQueue::Push BatchQueue::push(Batch&& batch, std::function<void()> waiter,
                                  bool waits_for_room) {
  const Weight room = room_of(batch);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return Push::closed;
    const bool fits =
        used_.bytes + room.bytes <= max_bytes_ && used_.records + room.records <= max_records_;
    const bool empty = used_.bytes == 0 && used_.records == 0;
    const bool held = held_ && batch.source;
    const bool in_line = !held_ && !waiters_.empty();  // whoever waits is served first
    if (held || in_line || (!fits && !empty)) {
      if (waiter && (held || waits_for_room)) waiters_.push_back(std::move(waiter));
      return held ? Push::held : Push::full;
    }
    used_.bytes += room.bytes;
    used_.records += room.records;
    batches_.push_back(std::move(batch));
    if (preparer_waits_ && is_worth_preparing()) worth_preparing_.notify_one();
  }
  changed_.notify_one();
  return Push::taken;
}

void BatchQueue::push_if_empty(Batch&& batch) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || !batches_.empty()) return;
    batches_.push_back(std::move(batch));
  }
  changed_.notify_one();
}

bool BatchQueue::take(std::vector<Batch>& out, std::uint64_t group_bytes,
                      std::uint64_t group_records) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !batches_.empty(); });
  if (batches_.empty()) return false;
  Weight group, room;
  while (!batches_.empty()) {
    const Weight weight = weigh(batches_.front());
    const bool fits = group.bytes + weight.bytes <= group_bytes &&
                      group.records + weight.records <= group_records;
    if (!fits && group.records > 0) break;
    changed_.wait(lock, [this] { return prepared_batches_ > 0 || batches_in_preparation_ == 0; });
    group.bytes += weight.bytes;
    group.records += weight.records;
    room.bytes += room_of(batches_.front()).bytes;
    room.records += weight.records;
    if (prepared_batches_ > 0) {
      --prepared_batches_;
      prepared_records_ -= weight.records;
    }
    out.push_back(std::move(batches_.front()));
    batches_.pop_front();
  }
  taken_ = room;
  if (preparer_waits_ && is_worth_preparing()) worth_preparing_.notify_one();
  return true;
}

bool BatchQueue::is_worth_preparing() const {
  const std::uint64_t waiting = used_.records - taken_.records - prepared_records_;
  return taken_.records > 0 && waiting >= kWorthPreparing &&
         prepared_records_ < kMostPrepared;
}

std::vector<Batch*> BatchQueue::unprepared() {
  std::vector<Batch*> found;
  std::unique_lock lock(mutex_);
  preparer_waits_ = true;
  worth_preparing_.wait(lock, [this] { return closed_ || is_worth_preparing(); });
  preparer_waits_ = false;
  if (closed_) return found;
  std::uint64_t records = 0;
  for (std::size_t i = prepared_batches_; i < batches_.size(); ++i) {
    const std::size_t more = batches_[i].items.size();
    if (!found.empty() && records + more > kPreparedAtOnce) break;
    found.push_back(&batches_[i]);
    records += more;
  }
  batches_in_preparation_ = found.size();
  prepared_records_ += records;
  return found;
}

void BatchQueue::prepared() {
  {
    const std::lock_guard lock(mutex_);
    prepared_batches_ += std::exchange(batches_in_preparation_, 0);
  }
  changed_.notify_all();
}

// Under the lock; to be called outside it.
std::vector<std::function<void()>> BatchQueue::waiters_to_call() {
  std::vector<std::function<void()>> waiters;
  const bool has_room = used_.bytes <= max_bytes_ / 2 && used_.records <= max_records_ / 2;
  if (has_room && !held_) waiters.swap(waiters_);
  return waiters;
}

void BatchQueue::release() {
  std::vector<std::function<void()>> waiters;
  {
    const std::lock_guard lock(mutex_);
    used_.bytes -= taken_.bytes;
    used_.records -= taken_.records;
    taken_ = {};
    waiters = waiters_to_call();
  }
  for (const auto& waiter : waiters) waiter();
}

void BatchQueue::hold(bool held) {
  std::vector<std::function<void()>> waiters;
  {
    const std::lock_guard lock(mutex_);
    held_ = held;
    waiters = waiters_to_call();
  }
  for (const auto& waiter : waiters) waiter();
}

void BatchQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  worth_preparing_.notify_all();
}

void BatchQueue::discard() {
  std::deque<Batch> dropped;  // their callbacks may own much: let go outside the lock
  {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.wait(lock, [this] { return batches_in_preparation_ == 0; });
    dropped.swap(batches_);
    used_ = {};
    taken_ = {};
    prepared_batches_ = 0;
    prepared_records_ = 0;
  }
  changed_.notify_all();
  worth_preparing_.notify_all();
}

bool BatchQueue::wait_closed(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return closed_; });
}

std::uint64_t BatchQueue::bytes() const {
  const std::lock_guard lock(mutex_);
  return used_.bytes;
}

std::uint64_t BatchQueue::records() const {
  const std::lock_guard lock(mutex_);
  return used_.records;
}

}  // namespace stele::daemon
