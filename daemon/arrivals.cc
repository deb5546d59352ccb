#include "daemon/arrivals.h"

#include <utility>

namespace stele::daemon {

boost::asio::execution_context::id Arrivals::id;

std::uint64_t Arrivals::Door::wait(std::unique_ptr<Awaited> one) {
  const std::lock_guard lock(mutex_);
  waiting_.emplace(next_, std::move(one));
  return next_++;
}

// Outside the lock: a coroutine that ends may let go of what another one waits for.
void Arrivals::Door::shut() {
  std::map<std::uint64_t, std::unique_ptr<Awaited>> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(waiting_);
  }
}

}  // namespace stele::daemon
