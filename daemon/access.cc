#include "daemon/access.h"

#include "daemon/callback_result.h"

namespace stele::daemon {

boost::asio::awaitable<std::string> record_access(Sequencer& sequencer, const std::string& text) {
  Batch batch;
  batch.bytes.assign(text.begin(), text.end());
  batch.clocks = read_clocks();
  batch.items = {
      {attest::Kind::access, 0, static_cast<std::uint32_t>(text.size()), batch.clocks->wall_ns}};
  if (sequencer.status().disk_full) {
    co_return "the disk is full: reading is recorded, so it needs room too";
  }
  const auto taken = co_await callback_result<bool>([&](std::function<void(bool)> done) {
    batch.placed = [done](std::uint64_t) { done(true); };
    if (!sequencer.submit(std::move(batch), [] {})) done(false);
  });
  if (!taken) co_return "the queue is full, or writing has failed: try again";
  co_return std::string();
}

}  // namespace stele::daemon
