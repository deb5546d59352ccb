// Which PCR becomes P: the first of 12, 13, 15, 14, 9, 8 that nothing on this host uses.
//
// Thread safety: pure. Trust: the event log comes from the firmware, through the kernel; a wrong
// one leads to a worse choice, never to a wrong verdict (P is pinned, and quoted). See: TCG PC
// Client Platform Firmware Profile, 10.2 (event log).
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "attest/hash.h"

namespace stele::tpm {

// PCRs that the firmware's event log names (crypto-agile, or the old SHA-1 format), as far as it
// can be read.
std::set<std::uint32_t> pcrs_in_event_log(attest::ByteView log);

// read: the PCR's value now. Nothing: all are in use.
std::optional<std::uint8_t> choose_pcr(attest::ByteView event_log,
                                       const std::function<attest::Hash(std::uint8_t)>& read);

// Only TPM Reset or Restart clears these, and nobody else has a claim on them: 8, 9, 11 to 15 (10
// is IMA's).
bool may_be_log_pcr(unsigned pcr);

}  // namespace stele::tpm
