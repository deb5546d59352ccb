#include "daemon/anchor_requests.h"

#include <algorithm>
#include <utility>

namespace stele::daemon {

AnchorRequests::Push AnchorRequests::push(AnchoringRequest request) {
  const std::lock_guard lock(mutex_);
  if (closed_) return Push::closed;
  if (requests_.size() == kMaxAnchoringRequests) return Push::full;
  requests_.push_back(std::move(request));
  changed_.notify_one();
  return Push::taken;
}

void AnchorRequests::new_records() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(new_records_, true)) return;
  changed_.notify_one();
}

void AnchorRequests::critical_event(std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  critical_ = std::max(critical_, size);
  changed_.notify_one();
}

void AnchorRequests::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_one();
}

std::optional<AnchoringRequest> AnchorRequests::take() {
  const std::lock_guard lock(mutex_);
  if (requests_.empty()) return std::nullopt;
  AnchoringRequest request = std::move(requests_.front());
  requests_.pop_front();
  return request;
}

void AnchorRequests::wait_until(Time time, bool until_new_records) {
  std::unique_lock lock(mutex_);
  const auto awaited = [&] {
    return closed_ || !requests_.empty() || critical_ > 0 || (until_new_records && new_records_);
  };
  if (time == Time::max()) {
    changed_.wait(lock, awaited);
  } else {
    changed_.wait_until(lock, time, awaited);
  }
}

bool AnchorRequests::take_new_records() {
  const std::lock_guard lock(mutex_);
  return std::exchange(new_records_, false);
}

std::uint64_t AnchorRequests::take_critical_event() {
  const std::lock_guard lock(mutex_);
  return std::exchange(critical_, 0);
}

bool AnchorRequests::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace stele::daemon
