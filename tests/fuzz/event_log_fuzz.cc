// An event log that is read keeps within its limits and its bytes, and every bank of it that can be
// computed replays: its own values are explained, other ones are not.
#include "attest/boot/replay.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;
using namespace stele::attest::boot;

namespace {

bool within(ByteView part, ByteView whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_bank(const EventLog& log, Algorithm algorithm) {
  const auto pcrs = replay(log, algorithm);
  ENSURE(pcrs.has_value() == can_digest(algorithm));
  if (!pcrs) return;
  PcrValues own, other;
  for (std::uint32_t pcr = 0; pcr < kPcrs; ++pcr) {
    own[pcr] = other[pcr] = (*pcrs)[pcr].value;
    other[pcr].front() ^= 1;
  }
  for (const auto& [pcr, what] : explain(log, algorithm, own)) {
    const ReplayedPcr& replayed = (*pcrs)[pcr];
    ENSURE(what == (!replayed.complete    ? Explanation::cannot_tell
                    : replayed.events > 0 ? Explanation::explained
                                          : Explanation::untouched));
  }
  for (const auto& [pcr, what] : explain(log, algorithm, other)) {
    ENSURE(what == ((*pcrs)[pcr].complete ? Explanation::unexplained : Explanation::cannot_tell));
  }
}

}  // namespace

FUZZ_TARGET(event_log) {
  const auto log = parse_event_log(input);
  if (!log) {
    ENSURE(log.error().at.value <= input.size());
    return false;
  }
  ENSURE(log->events.size() <= kMaxEvents && log->banks.size() <= kMaxBanks);
  for (const Event& event : log->events) {
    ENSURE(event.data.size() <= kMaxEventDataBytes && within(event.data, input));
    for (const EventDigest& digest : event.digests) ENSURE(within(digest.bytes, input));
  }
  for (const BankSize& bank : log->banks) check_bank(*log, bank.algorithm);
  return true;
}
