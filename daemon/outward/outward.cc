#include "daemon/outward/outward.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "daemon/must_go_on.h"
#include "daemon/outward/receipt_push.h"
#include "daemon/outward/witness_client.h"

namespace stele::daemon {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// How old a status may be: what it costs is a record read for each place.
constexpr auto kStatusInterval = 500ms;

}  // namespace

struct Outward::State {
  State(const Config& config, OwnLog log_, storage::FileSystem& files)
      : log(std::move(log_)), keeper(log.directory) {
    for (const WitnessPlace& place : config.witnesses) {
      witnesses.push_back(std::make_unique<WitnessClient>(place, log, keeper));
    }
    for (const PushPlace& place : config.pushes) {
      pushes.push_back(std::make_unique<ReceiptPush>(place, log, files));
    }
  }
  bool empty() const { return witnesses.empty() && pushes.empty(); }
  asio::awaitable<void> tell();
  void publish();
  bool all_ended() const;
  void run();

  const OwnLog log;
  CosignatureKeeper keeper;
  asio::io_context context{1};
  std::vector<std::unique_ptr<WitnessClient>> witnesses;
  std::vector<std::unique_ptr<ReceiptPush>> pushes;
  std::thread thread;

  mutable std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::vector<OutwardStatus> status;
  bool ended = false;
};

void Outward::State::publish() {
  std::vector<OutwardStatus> now;
  for (const auto& one : witnesses) now.push_back(one->status());
  for (const auto& one : pushes) now.push_back(one->status());
  const std::lock_guard lock(mutex);
  status = std::move(now);
}

bool Outward::State::all_ended() const {
  for (const auto& one : witnesses) {
    if (!one->ended()) return false;
  }
  for (const auto& one : pushes) {
    if (!one->ended()) return false;
  }
  return true;
}

asio::awaitable<void> Outward::State::tell() {
  asio::steady_timer timer(context);
  while (!all_ended()) {
    publish();
    timer.expires_after(kStatusInterval);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  context.stop();
}

void Outward::State::run() {
  for (const auto& one : witnesses) {
    asio::co_spawn(
        context, [&one] { return one->run(); }, must_go_on);
  }
  for (const auto& one : pushes) {
    asio::co_spawn(
        context, [&one] { return one->run(); }, must_go_on);
  }
  asio::co_spawn(context, tell(), must_go_on);
  context.run();
  const std::lock_guard lock(mutex);
  ended = true;
  changed.notify_all();
}

Outward::Outward(const Config& config, OwnLog log, storage::FileSystem& files)
    : state_(std::make_unique<State>(config, std::move(log), files)) {
  if (!state_->empty()) state_->publish();
}

Outward::~Outward() {
  stop(0ms);
}

void Outward::start() {
  if (!state_->empty()) state_->thread = std::thread([state = state_.get()] { state->run(); });
}

void Outward::anchored() {
  if (state_->empty()) return;
  asio::post(state_->context, [state = state_.get()] {
    for (const auto& push : state->pushes) push->anchored();
  });
}

std::vector<OutwardStatus> Outward::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

void Outward::stop(std::chrono::milliseconds limit) {
  if (!state_->thread.joinable()) return;
  asio::post(state_->context, [state = state_.get()] {
    for (const auto& one : state->witnesses) one->finish();
    for (const auto& one : state->pushes) one->finish();
  });
  std::unique_lock lock(state_->mutex);
  const auto is_over = [&] { return state_->ended; };
  state_->changed.wait_for(lock, limit, is_over);
  lock.unlock();
  // Whoever answers slowly is not waited for, nor a mount that hangs: that has threads of its own.
  state_->context.stop();
  state_->thread.join();
}

}  // namespace stele::daemon
