// How an era ended, as the genesis of the era that follows says it, and the request to approve
// that.
//
//   A later era's genesis has TLV 1:
//   seq u64 · extend 32 (the newest counter anchor with a receipt, and E after it; 0 and E_0: none)
//   answered u8 · if 1: nonce 32 · audit part (receipt.h)
//
// The audit part is an exclusive {Read C, Read E} by the keys of the era that ended, with
// extraData = H("stele/v1/era-end\0" ‖ nonce ‖ previous_log_id ‖ seq u64 ‖ extend ‖
// previous_tree_size u64 ‖ previous_root): what its TPM showed when the new era was begun. 0: that
// TPM is gone, or cleared.
//
//   A request:  stele-era-request 1 LF   genesis HEX LF   then the trust file of the new era,
//   unsigned
//
// Approving is signing that trust file: it pins the genesis, hence all of this.
// Thread safety: pure. Errors: see each. Trust: all from the host under judgement.
// See: README.md, "Eras".
#pragma once

#include <optional>
#include <string>

#include "attest/genesis.h"
#include "attest/trust.h"

namespace stele::attest {

struct EraEnd {
  std::uint64_t seq = 0;
  Hash extend;
  struct Shown {
    Hash nonce;
    AuditPart audit;
    bool operator==(const Shown&) const = default;
  };
  std::optional<Shown> shown;
  bool operator==(const EraEnd&) const = default;
};
Bytes encode(const EraEnd& end);
Result<EraEnd> decode_era_end(ByteView bytes);  // truncated, trailing_bytes, value_out_of_range
// A genesis' TLVs that hold nothing else, and back. Faults: genesis_mismatch if it says nothing.
Bytes era_end_tlvs(const EraEnd& end);
Result<EraEnd> era_end_of(const Genesis& genesis);
Hash era_end_extra_data(const Hash& nonce, const Hash& log_id, std::uint64_t seq,
                        const Hash& extend, const TreeHead& tree);

// What is known about anchors that the era's end leaves out.
struct EraGap {
  bool confirmed = false;  // its TPM showed C and E exactly as they were after the newest anchor
  std::uint64_t lost = 0;  // steps of C beyond it that the TPM showed; at least 1 if only E differs
};
// Judges the end that a genesis names with the pins of the era before. Faults: genesis_mismatch
// (another log, era or origin than the pins'), and of verify_audit.
Result<EraGap> verify_era_end(const Genesis& genesis, const TrustPins& before);
// That a trust file and the genesis it pins say the same of their era and of the end before it.
// Faults: trust_malformed; those of decode_genesis and verify_era_end.
Result<EraGap> verify_succession(ByteView genesis, const TrustPins& pins, const EarlierEra& before);

// Whether two files pin the same era: all that its TPM signed. What a host only says of itself, and
// what one auditor reads in a certificate and the host in the device, may differ: intervals, kind,
// manufacturer, model.
bool same_era(const TrustPins& a, const TrustPins& b);
// The same for a row of earlier eras and their ends; what is given up may differ.
bool same_eras(const std::vector<EarlierEra>& a, const std::vector<EarlierEra>& b);

struct EraRequest {
  Bytes genesis;
  TrustFile trust;
};
std::string to_text(const EraRequest& request);
Result<EraRequest> parse_era_request(std::string_view text);  // value_out_of_range, trust_malformed

}  // namespace stele::attest
