#include "daemon/finder.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <string>

#include "daemon/log.h"
#include "daemon/read_out/terms.h"

namespace stele::daemon {
namespace {

// Records fed in one go: about 20 ms, what a control request may have to wait.
constexpr std::uint64_t kSlice = 1u << 13;

}  // namespace

Finder::Finder(const Config& config, boost::asio::any_io_executor executor,
               const storage::Store& store)
    : executor_(std::move(executor)),
      timer_(executor_),
      store_(store),
      reader_(term_reader(config.json_mappings)) {
  if (!config.look_up) return;
  try {
    look_up_ = storage::LookUp::open(config.data + "/look-up.sqlite", store.log_id(), reader_);
    in_use_ = true;
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

void Finder::durable() {
  if (waiting_.exchange(true)) return;
  boost::asio::post(executor_, [self = shared_from_this()] { self->feed(); });
}

void Finder::feed() {
  if (!look_up_) return;
  if (pace_.waits(store_.head().size, look_up_->size(), std::chrono::steady_clock::now())) {
    return look_again();
  }
  waiting_ = false;
  try {
    const std::uint64_t size = store_.head().size;
    look_up_->feed(store_, std::min(size, look_up_->size() + kSlice));
    fed_ = look_up_->size();
    if (look_up_->size() < size) durable();
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

void Finder::look_again() {
  timer_.expires_after(FeedPace::kPause);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& stopped) {
    if (!stopped) self->feed();
  });
}

std::optional<std::uint64_t> Finder::behind() const {
  if (!in_use_) return std::nullopt;
  const std::uint64_t fed = fed_;
  return std::max(fed, store_.head().size) - fed;
}

storage::Found Finder::find(const storage::Query& query) const {
  return look_up_ ? look_up_->find(store_, query) : storage::scan(store_, query, reader_);
}

void Finder::flush() {
  if (!look_up_) return;
  try {
    look_up_->flush();
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

// The look-up is never needed: whatever it does, events go on.
void Finder::give_up(const char* what) {
  log(Priority::warning,
      std::string("queries scan the log until the next start; the look-up failed: ") + what);
  look_up_.reset();
  in_use_ = false;
}

}  // namespace stele::daemon
