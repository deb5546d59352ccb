#include "daemon/ingest/passed_drops.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "daemon/boot_id.h"
#include "daemon/ingest/position.h"
#include "daemon/wall_clock.h"

namespace stele::daemon {
namespace {

// A total only grows: what seems to have grown by this much, going round, has fallen.
constexpr std::uint32_t kFallen = std::uint32_t{1} << 31;

}  // namespace

std::optional<std::uint32_t> dropped_by_kernel(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> facts{};
  socklen_t length = sizeof facts;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, facts.data(), &length) != 0) return std::nullopt;
  if (length < (SK_MEMINFO_DROPS + 1) * sizeof facts[0]) return std::nullopt;
  return facts[SK_MEMINFO_DROPS];
}

std::optional<std::uint64_t> cookie_of(int fd) {
  std::uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  if (::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0 || cookie == 0) {
    return std::nullopt;
  }
  return cookie;
}

// Of times before 1970 a gap record says nothing; where the clock was set back, no time went by.
std::optional<attest::Gap> drops_since(DropTotal& known, const DropTotal& now,
                                       std::int64_t until_ns) {
  const std::uint32_t lost = now.dropped - known.dropped;
  const std::int64_t until = std::max<std::int64_t>(until_ns, 0);
  const attest::GapSpan span{std::clamp<std::int64_t>(known.seen_ns, 0, until), until};
  known = {now.dropped, std::max<std::int64_t>(now.seen_ns, 0)};
  if (lost == 0) return std::nullopt;
  return attest::Gap{lost, "kernel_drop", span};
}

PassedDrops::PassedDrops(std::string boot_id, std::int64_t boot_ns, std::string_view position)
    : boot_ns_(std::max<std::int64_t>(boot_ns, 0)) {
  if (!is_boot_id(boot_id)) return;
  if (auto known = parse_drop_totals(position); known && known->boot_id == boot_id) {
    known_ = std::move(*known);
  }
  known_.boot_id = std::move(boot_id);
}

DropTotal* PassedDrops::follow(std::uint64_t cookie, std::uint32_t dropped) {
  if (known_.boot_id.empty()) return nullptr;
  if (!followed_.contains(cookie)) {
    if (followed_.size() >= kMaxDropTotals) return nullptr;
    followed_.insert(cookie);
    const auto [socket, is_new] = known_.sockets.try_emplace(cookie, DropTotal{0, boot_ns_});
    // A machine whose memory was put back gives this cookie to another socket.
    if (!is_new && dropped - socket->second.dropped >= kFallen) socket->second = {0, boot_ns_};
  }
  return &known_.sockets.at(cookie);
}

std::string PassedDrops::position() {
  // Cookies ascend by and large: the oldest that is not passed is the likeliest to be gone.
  for (auto one = known_.sockets.begin(); known_.sockets.size() > kMaxDropTotals;) {
    one = followed_.contains(one->first) ? std::next(one) : known_.sockets.erase(one);
  }
  return known_.encoded();
}

PassedDrops resume_passed_drops(const storage::Store& store) {
  const auto position = newest_position(store, PassedDrops::kInput);
  return {read_boot_id(), read_clocks().offset_ns, position ? position->value : std::string_view()};
}

}  // namespace stele::daemon
