#include "daemon/critical_events.h"

#include <string.h>

#include <algorithm>

namespace stele::daemon {
namespace {

// Whether [begin, end) lies within one event. Items stand in the order of their offsets.
bool is_in_an_event(const Batch& batch, std::size_t begin, std::size_t end) {
  const auto after = std::upper_bound(
      batch.items.begin(), batch.items.end(), begin,
      [](std::size_t offset, const Batch::Item& item) { return offset < item.offset; });
  if (after == batch.items.begin()) return false;
  const Batch::Item& item = *(after - 1);
  return item.kind == attest::Kind::event && end <= std::size_t{item.offset} + item.length;
}

// All bytes of the batch at once: one search for thousands of short events. What lies between
// events (line ends, refused ones) is looked at too, but counts for nothing.
bool contains(const Batch& batch, const std::string& pattern) {
  const std::uint8_t* const bytes = batch.bytes.data();
  for (std::size_t at = 0; at + pattern.size() <= batch.bytes.size();) {
    const void* found =
        ::memmem(bytes + at, batch.bytes.size() - at, pattern.data(), pattern.size());
    if (found == nullptr) return false;
    const auto begin = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes);
    if (is_in_an_event(batch, begin, begin + pattern.size())) return true;
    at = begin + 1;
  }
  return false;
}

}  // namespace

bool CriticalEvents::are_in(const Batch& batch) const {
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const std::string& pattern) { return contains(batch, pattern); });
}

}  // namespace stele::daemon
