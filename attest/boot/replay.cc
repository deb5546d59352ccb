#include "attest/boot/replay.h"

#include <algorithm>

namespace stele::attest::boot {
namespace {

std::uint8_t initial_pcr0(const EventLog& log) {
  if (log.startup_locality) return *log.startup_locality;
  const bool hcrtm = std::any_of(log.events.begin(), log.events.end(), [](const Event& event) {
    return event.type == kHcrtmEvent && event.pcr == 0;
  });
  return hcrtm ? 4 : 0;
}

// Zeros; and all bits set for those that a late launch resets to zeros.
bool is_after_reset(std::uint32_t pcr, const Bytes& value) {
  const auto all = [&](std::uint8_t byte) {
    return std::all_of(value.begin(), value.end(), [byte](std::uint8_t b) { return b == byte; });
  };
  return all(0) || (pcr >= 17 && pcr <= 22 && all(0xff));
}

Explanation explanation(std::uint32_t pcr, const ReplayedPcr& replayed, const Bytes& quoted) {
  if (quoted.size() != replayed.value.size() || !replayed.complete) return Explanation::cannot_tell;
  if (quoted == replayed.value)
    return replayed.events > 0 ? Explanation::explained : Explanation::untouched;
  if (replayed.events == 0 && is_after_reset(pcr, quoted)) return Explanation::untouched;
  return Explanation::unexplained;
}

}  // namespace

std::optional<ReplayedBank> replay(const EventLog& log, Algorithm algorithm) {
  if (!log.has_bank(algorithm) || !can_digest(algorithm)) return std::nullopt;
  ReplayedBank out;
  for (ReplayedPcr& pcr : out) pcr.value.assign(digest_bytes(algorithm), 0);
  out[0].value.back() = initial_pcr0(log);
  for (const Event& event : log.events) {
    if (!event.extends()) continue;
    ReplayedPcr& pcr = out[event.pcr];
    ++pcr.events;
    const EventDigest* measured = event.digest(algorithm);
    if (measured == nullptr) {
      pcr.complete = false;
    } else {
      extend(algorithm, pcr.value, measured->bytes);
    }
  }
  return out;
}

std::string_view name(Explanation explanation) {
  switch (explanation) {
    case Explanation::explained:
      return "explained";
    case Explanation::untouched:
      return "untouched";
    case Explanation::unexplained:
      return "unexplained";
    case Explanation::cannot_tell:
      return "cannot_tell";
  }
  return "cannot_tell";
}

std::map<std::uint32_t, Explanation> explain(const EventLog& log, Algorithm algorithm,
                                             const PcrValues& quoted) {
  const auto replayed = replay(log, algorithm);
  std::map<std::uint32_t, Explanation> out;
  for (const auto& [pcr, value] : quoted) {
    out[pcr] = replayed && pcr < kPcrs ? explanation(pcr, (*replayed)[pcr], value)
                                       : Explanation::cannot_tell;
  }
  return out;
}

}  // namespace stele::attest::boot
