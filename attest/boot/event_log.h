// The firmware's event log: what was measured into which PCR before the operating system ran.
//
// Two forms, told apart by the first event:
//   crypto-agile  first event EV_NO_ACTION "Spec ID Event03" (SHA-1 form), which lists the banks;
//   then
//                 pcr u32 · type u32 · digests u32 · (algorithm u16 · digest)… · size u32 · data
//   SHA-1         pcr u32 · type u32 · digest 20 · size u32 · data, all through
// Integers are little-endian. The log is nobody's word: only a replay that gives quoted PCR values
// (replay.h) says that its digests, in their order, were measured; event data is bound by nothing
// but a digest that is the data's own (digest_is_of_data). Thread safety: pure. Errors: truncated,
// value_out_of_range, with the byte where the event begins. Trust: the bytes may come from anyone.
// See: TCG PC Client Platform Firmware Profile 1.06, chapter 10.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "attest/boot/bank.h"
#include "attest/result.h"

namespace stele::attest::boot {

// Limits: far above what firmware writes (tens of KiB, some hundred events), far below what hurts.
constexpr std::size_t kMaxEventLogBytes = 4u << 20;
constexpr std::size_t kMaxEvents = 16'384;
constexpr std::size_t kMaxBanks = 8;                  // digests of one event
constexpr std::size_t kMaxDigestBytes = 64;           // of one digest, in a bank of whatever hash
constexpr std::size_t kMaxEventDataBytes = 1u << 20;  // the largest seen, a revocation list: 25 KiB

constexpr std::uint32_t kNoAction = 0x00000003;  // informs, is not extended
constexpr std::uint32_t kSeparator =
    0x00000004;  // the firmware's end of what it measures into a PCR
constexpr std::uint32_t kHcrtmEvent = 0x80000010;  // measured before TPM2_Startup
constexpr std::uint32_t kNoPcr = 0xffffffff;       // only of an event that is not extended

struct BankSize {
  Algorithm algorithm;  // may be none of kAlgorithms
  std::uint16_t bytes = 0;
};

struct EventDigest {
  Algorithm algorithm;
  ByteView bytes;
};

struct Event {
  std::uint64_t at = 0;  // the byte of the log where it begins
  std::uint32_t pcr = 0;
  std::uint32_t type = 0;
  std::vector<EventDigest> digests;  // at most one of a bank; views into the log
  ByteView data;                     // a view into the log

  bool extends() const { return type != kNoAction; }
  const EventDigest* digest(Algorithm) const;  // null: it has none in this bank
};

struct EventLog {
  bool crypto_agile = false;
  std::vector<BankSize> banks;  // SHA-1 form: sha1 alone
  std::vector<Event> events;    // without the Spec ID event of the crypto-agile form
  // The locality from which the TPM was started, if the log tells: PCR 0 begins with it.
  std::optional<std::uint8_t> startup_locality;

  bool has_bank(Algorithm) const;
};

// Reads the log to its end. The views are into `bytes`, which must outlive the log.
Result<EventLog> parse_event_log(ByteView bytes);

// Whether the digest in this bank is the digest of the event's data, so that the PCR binds the data
// too. For many types it is not, by design (an image's digest, its path as data). Nothing: no
// digest in this bank, or a hash that cannot be computed.
std::optional<bool> digest_is_of_data(const Event&, Algorithm);

}  // namespace stele::attest::boot
