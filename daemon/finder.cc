#include "daemon/finder.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <string>

#include "daemon/log.h"

namespace stele::daemon {
namespace {

// Records fed in one go: about 20 ms, what a control request may have to wait.
constexpr std::uint64_t kSlice = 1u << 14;

bool matches(const attest::Leaf& leaf, const storage::Query& query) {
  return (!query.since_ns || leaf.time_ns >= *query.since_ns) &&
         (!query.until_ns || leaf.time_ns < *query.until_ns) &&
         (!query.source || leaf.source == *query.source);
}

std::vector<std::uint64_t> scan(const storage::Store& store, const storage::Query& query) {
  std::vector<std::uint64_t> found;
  const std::uint64_t size = store.head().size;
  const std::uint64_t end = std::min(query.end.value_or(size), size);
  const std::uint64_t begin = std::min(query.begin.value_or(0), end);
  if (query.limit == 0) return found;
  store.visit(begin, end, [&](const storage::StoredRecord& record) {
    if (matches(record.leaf, query)) found.push_back(record.index);
    return found.size() < query.limit;
  });
  return found;
}

}  // namespace

Finder::Finder(const Config& config, boost::asio::any_io_executor executor,
               const storage::Store& store)
    : executor_(std::move(executor)), store_(store) {
  if (!config.look_up) return;
  try {
    look_up_ = storage::LookUp::open(config.data + "/look-up.sqlite", store.log_id());
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

std::vector<std::uint64_t> Finder::find(const storage::Query& query) const {
  return look_up_ ? look_up_->find(store_, query) : scan(store_, query);
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
