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
    : executor_(std::move(executor)), store_(store), reader_(term_reader(config.json_mappings)) {
  if (!config.look_up) return;
  try {
    look_up_ = storage::LookUp::open(config.data + "/look-up.sqlite", store.log_id(), reader_);
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

void Finder::durable() {
  if (waiting_.exchange(true)) return;
  boost::asio::post(executor_, [self = shared_from_this()] { self->feed(); });
}

void Finder::feed() {
  waiting_ = false;
  if (!look_up_) return;
  try {
    const std::uint64_t size = store_.head().size;
    const std::uint64_t fed = look_up_->size();
    look_up_->feed(store_, std::min(size, fed + kSlice));
    if (look_up_->size() < size) durable();
  } catch (const std::exception& error) {
    give_up(error.what());
  }
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
}

}  // namespace stele::daemon
