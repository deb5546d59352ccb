// The trust file: what a verifier pins about one log, as `key value` lines a person can read.
//
//   stele-trust 1
//   origin NAME · log_id HEX · era N · mode a|b · ak HEX (TPMT_PUBLIC) · counter_name HEX ·
//   extend_name HEX pcr N · first_counter N · first_extend HEX · base_reset N · base_restart N ·
//   base_firmware HEX16 quote_interval_ms N · max_quote_gap N · heartbeat_s N · slack_ms N ·
//   clock_update_ms N tpm_kind discrete|firmware|virtual|simulator|unknown · tpm_manufacturer TEXT
//   · tpm_model TEXT
// A file with any line of these begins `stele-trust 2`, one without is version 1, whoever writes it:
//   identity ek-chain         only in what `stele enroll` wrote, never in a host's own
//   locked_from outside       only of mode a, only in what `stele lock` wrote, never in a host's own
//   acknowledged_extend …     foreign extends that the auditor has looked into (acknowledged.h)
//   boot_…                    the boot policy (boot/policy_text.h)
// Then, exactly if era is not 0, how the era before ended, and that era's own trust file, whole:
//   previous_seq N · previous_extend HEX · previous_size N · previous_lost N
//   stele-trust 1|2 …
// One key a line, in this order, one space before the value, LF after it; all required, none else,
// so that what is read is written back the same. Signed, the file is a C2SP note whose text is
// these lines: the auditor's signature over the file of a later era approves that era (era.h).
// Thread safety: values. Errors: trust_malformed with the line; trust_signature.
// See: README.md, "Trust file", for each value's range.
// Trust: this IS the trust; it must reach the verifier by another way than the evidence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/acknowledged.h"
#include "attest/boot/policy.h"
#include "attest/genesis.h"
#include "attest/receipt.h"

namespace stele::attest {

enum class TpmKind : std::uint8_t { discrete, firmware, virtual_, simulator, unknown };
std::string_view name(TpmKind);

constexpr std::uint32_t kMaxEra = 63;  // a trust file lists every era before its own

// What is pinned of one era.
struct TrustPins {
  std::string origin;
  Hash log_id;
  std::uint32_t era = 0;
  Mode mode = Mode::b;
  Bytes ak;  // TPMT_PUBLIC
  Name counter_name{};
  Name extend_name{};
  std::uint8_t pcr = 0;
  std::uint64_t first_counter = 0;
  Hash first_extend;
  std::uint32_t base_reset = 0;
  std::uint32_t base_restart = 0;
  std::uint64_t base_firmware = 0;
  std::uint64_t quote_interval_ms = 1000;
  std::uint64_t max_quote_gap = 10;  // k
  std::uint64_t heartbeat_s = 3600;
  std::uint64_t slack_ms = 5000;
  std::uint64_t clock_update_ms = 4'200'000;  // 70 minutes: the slowest known chips
  TpmKind tpm_kind = TpmKind::unknown;
  std::string tpm_manufacturer;
  std::string tpm_model;
  // An enrolment checked the EK certificate to a root that the auditor pins, and that EK and AK are in
  // one TPM. Worth what the signature over the file is: without one, it is a claim.
  bool enrolled = false;
  // The auditor set ownerAuth and lockoutAuth, and the host never had them; false: nobody who
  // could know it says so, which of mode A leaves trust on first install.
  bool locked_from_outside = false;
  std::vector<AcknowledgedExtend> acknowledged;
  std::optional<boot::BootPolicy> boot_policy;

  // The four before: what version 2 is for. No host's own file says any of it, and of what a host
  // hands out none of it is taken over.
  bool says_what_only_an_auditor_can() const;
  void forget_what_only_an_auditor_can_say();

  Result<TpmIdentity> identity() const;  // ak_unfit
  bool operator==(const TrustPins&) const = default;
};

// An era that another one followed.
struct EarlierEra {
  TrustPins pins;
  std::uint64_t seq = 0;   // its newest counter anchor, as the genesis that followed names it
  Hash extend;             // E after that one
  std::uint64_t size = 0;  // how many records go on; 0: the store was lost
  std::uint64_t lost = 0;  // anchors after seq that were made, or may have been, and are given up
  bool operator==(const EarlierEra&) const = default;
};

// The newest era, and those before it.
struct TrustFile : TrustPins {
  std::vector<EarlierEra> earlier;  // newest first; as many as the number of the era
  bool operator==(const TrustFile&) const = default;
};
// What tpm_manufacturer and tpm_model may be: at most 255 bytes of UTF-8 without control
// characters.
bool is_trust_text(std::string_view text);
std::string to_text(const TrustFile& trust);
// Signed or not. With auditor_key (a C2SP verifier key "name+hash+base64") it must be signed, and
// the signature verify; without, a signature is not looked at.
Result<TrustFile> parse_trust(std::string_view text, std::string_view auditor_key = {});

}  // namespace stele::attest
