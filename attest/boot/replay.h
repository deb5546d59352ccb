// Replaying an event log, and holding the PCR values of a replay against quoted ones.
//
// What `explained` says: the events' digests, in this order, give the quoted value. No other list
// of digests does, unless the hash breaks. It does not say that the events' types or data are true,
// nor that the log is complete for PCRs that were not quoted. Thread safety: pure. Errors: none;
// what cannot be told is `cannot_tell`. Trust: the log may come from anyone; quoted values from a
// quote that verified.
#pragma once

#include <array>
#include <map>

#include "attest/boot/event_log.h"

namespace stele::attest::boot {

struct ReplayedPcr {
  std::size_t events = 0;  // extended into it
  bool complete = true;    // false: an event has no digest in this bank, so `value` means nothing
  Bytes value;
};
using ReplayedBank = std::array<ReplayedPcr, kPcrs>;

// PCR 0 begins with the startup locality: that of the log's StartupLocality event, or 4 where there
// is none but an H-CRTM event. All else begins with zeros (PCRs 17 to 22 too: whoever extends those
// has reset them before). Nothing: the log has no such bank, or its hash cannot be computed.
std::optional<ReplayedBank> replay(const EventLog&, Algorithm);

using PcrValues = std::map<std::uint32_t, Bytes>;  // PCR to value, in one bank

enum class Explanation : std::uint8_t {
  explained,    // the log's events of this PCR give the value
  untouched,    // the log has none, and the value is the one after a reset
  unexplained,  // the log gives another value
  cannot_tell,  // no such bank in the log, an event without a digest in it, or a value of another
                // size
};
std::string_view name(Explanation);  // "explained"

// For each value, in this order. A PCR from kPcrs cannot be told.
std::map<std::uint32_t, Explanation> explain(const EventLog&, Algorithm, const PcrValues& quoted);

}  // namespace stele::attest::boot
