#include "daemon/disk_watch.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "daemon/log.h"
#include "daemon/wall_clock.h"

namespace stele::daemon {
namespace {

constexpr std::chrono::seconds kInterval{1};

const char* consequence(OnTrouble action) {
  switch (action) {
    case OnTrouble::warn:
      return "events are still taken";
    case OnTrouble::suspend:
      return "senders wait until there is room";
    case OnTrouble::drop_with_record:
      return "events are dropped and counted until there is room";
    case OnTrouble::halt:
      return "ending, as on.disk_low says";
  }
  return "";
}

}  // namespace

DiskWatch::DiskWatch(const Config& config, const boost::asio::any_io_executor& executor,
                     Hooks hooks)
    : config_(config), hooks_(std::move(hooks)), timer_(executor) {
  look();
  wait();
}

void DiskWatch::wait() {
  timer_.expires_after(kInterval);
  // A completion that was on its way when the watch ended comes all the same.
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    look();
    wait();
  });
}

void DiskWatch::look() {
  std::error_code unknown;
  const auto space = std::filesystem::space(config_.data, unknown);
  if (unknown) return;
  const std::uint64_t limit = config_.disk_low_bytes;
  if (low_since_ns_ == 0 && space.available < limit) {
    begins(space.available);
  } else if (low_since_ns_ != 0 && space.available >= limit + limit / 8) {
    ends();
  }
  hooks_.looked(low_since_ns_ != 0);
  while (!notes_.empty() && hooks_.note(notes_.front())) notes_.pop_front();
}

void DiskWatch::begins(std::uint64_t free_bytes) {
  low_since_ns_ = now_ns();
  const std::string words =
      "the disk of " + config_.data + " is low: " + std::to_string(free_bytes) +
      " bytes are free, limits.disk_low_bytes is " + std::to_string(config_.disk_low_bytes) + ": " +
      consequence(config_.on_disk_low) + "; make room";
  log(Priority::warning, words);
  notes_.push_back("{\"note\":\"disk_low\",\"action\":\"" + std::string(name(config_.on_disk_low)) +
              "\",\"free_bytes\":" + std::to_string(free_bytes) + "}");
  if (config_.on_disk_low == OnTrouble::halt) hooks_.halt(words);
}

void DiskWatch::ends() {
  log(Priority::notice, "the disk of " + config_.data + " has room again");
  notes_.push_back("{\"note\":\"disk_low_over\",\"since_ns\":" + std::to_string(low_since_ns_) +
              ",\"until_ns\":" + std::to_string(now_ns()) + "}");
  low_since_ns_ = 0;
}

}  // namespace stele::daemon
