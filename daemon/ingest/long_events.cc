#include "daemon/ingest/long_events.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace stele::daemon {

namespace asio = boost::asio;

LongEvents::LongEvents(const asio::any_io_executor& executor, const Config& config)
    : executor_(executor),
      turns_(std::max<std::uint64_t>(config.unfinished_bytes / config.max_event_bytes, 1)),
      evict_after_(config.evict_after) {}

// A place in the line, also where its coroutine is let go of in the middle.
struct LongEvents::Waiting {
  explicit Waiting(std::shared_ptr<LongEvents> owner_)
      : owner(std::move(owner_)),
        at(owner->waiting_.emplace(owner->waiting_.end(), owner->executor_)) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    owner->waiting_.erase(at);
    owner->wake_first();
  }

  const std::shared_ptr<LongEvents> owner;
  const std::list<asio::steady_timer>::iterator at;
};

asio::awaitable<LongEvents::Turn> LongEvents::take(std::string sender,
                                                std::function<bool()> gone) {
  const auto self = shared_from_this();
  if (taken_ >= turns_ || !waiting_.empty()) {
    const Waiting waiting(self);
    while (!gone() && (taken_ >= turns_ || waiting.at != waiting_.begin())) {
      if (taken_ >= turns_) relieve(sender);
      if (taken_ < turns_ && waiting.at == waiting_.begin()) break;
      waiting.at->expires_after(kLongEventLook);
      co_await waiting.at->async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
  if (gone()) co_return nullptr;
  ++taken_;
  ++taken_by_[sender];
  co_return Turn(this, [self, sender](const void*) { self->give_back(sender); });
}

std::uint64_t LongEvents::turns_of(const std::string& sender) const {
  const auto found = taken_by_.find(sender);
  return found == taken_by_.end() ? 0 : found->second;
}

std::chrono::milliseconds LongEvents::patience(const std::string& with,
                                               const std::string& who_waits) const {
  return turns_of(with) > turns_of(who_waits) + 1 ? kBriefPause : evict_after_;
}

void LongEvents::give_back(const std::string& sender) {
  const auto found = taken_by_.find(sender);
  if (--found->second == 0) taken_by_.erase(found);
  --taken_;
  wake_first();
}

void LongEvents::wake_first() {
  if (taken_ < turns_ && !waiting_.empty()) waiting_.front().cancel();
}

}  // namespace stele::daemon
