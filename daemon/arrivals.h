// Arrivals: the door by which other threads bring a waiting coroutine its value. It belongs to the
// coroutine's context, which owns who waits and shuts the door as the first thing of its end.
//
// Whoever is to bring something holds the door only: what comes too late, or is let go too late,
// finds nobody and touches neither context nor coroutine, which may be gone.
// Thread safety: Door from any thread; the service itself is the context's.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace stele::daemon {

class Arrivals : public boost::asio::execution_context::service {
 public:
  using key_type = Arrivals;
  static boost::asio::execution_context::id id;

  // One coroutine and its executor.
  struct Awaited {
    virtual ~Awaited() = default;
  };

  class Door {
   public:
    std::uint64_t wait(std::unique_ptr<Awaited> one);
    // Gives `take` the one who waits under this number, once, while the context cannot go.
    template <class Take>
    void give(std::uint64_t number, Take take) {
      const std::lock_guard lock(mutex_);
      const auto found = waiting_.find(number);
      if (found == waiting_.end()) return;
      const std::unique_ptr<Awaited> one = std::move(found->second);
      waiting_.erase(found);
      take(*one);
    }
    void shut();

   private:
    std::mutex mutex_;
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, std::unique_ptr<Awaited>> waiting_;
  };

  explicit Arrivals(boost::asio::execution_context& context) : service(context) {}
  const std::shared_ptr<Door>& door() const { return door_; }

 private:
  void shutdown() override { door_->shut(); }

  const std::shared_ptr<Door> door_ = std::make_shared<Door>();
};

}  // namespace stele::daemon
