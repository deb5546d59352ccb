#include "attest/attestation.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"

namespace stele::attest {
namespace {

constexpr std::size_t kMaxSelections = 16;  // TPM2_NUM_PCR_BANKS
constexpr std::size_t kMaxSelectBytes = 4;  // TPM2_PCR_SELECT_MAX

Defect malformed_attestation(const Reader& reader, const char* what) {
  return {Fault::attest_malformed, Place::byte(reader.at()), what};
}

// Reads a TPML_PCR_SELECTION; false when it is none.
bool read_selections(Reader& reader, std::vector<PcrSelection>& out) {
  const std::uint32_t count = reader.u32();
  if (reader.failed() || count > kMaxSelections) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    PcrSelection selection;
    selection.algorithm = reader.u16();
    const std::uint8_t size = reader.u8();
    if (size > kMaxSelectBytes) return false;
    const ByteView bitmap = reader.bytes(size);
    selection.bitmap.assign(bitmap.begin(), bitmap.end());
    out.push_back(std::move(selection));
  }
  return !reader.failed();
}

// TPMI_YES_NO: anything but 0 and 1 is not what a TPM marshals.
bool read_yes_no(Reader& reader, bool& out) {
  const std::uint8_t value = reader.u8();
  out = value == 1;
  return value <= 1 && !reader.failed();
}

}  // namespace

Name make_name(ByteView public_area) {
  Name name{0x00, 0x0b};
  const Hash digest = hash(public_area);
  std::copy(digest.bytes.begin(), digest.bytes.end(), name.begin() + 2);
  return name;
}

Result<Attestation> parse_attestation(ByteView bytes) {
  Reader reader(bytes);
  Attestation a;
  if (reader.u32() != kTpmGenerated) return malformed_attestation(reader, "no TPM_GENERATED magic");
  a.type = reader.u16();
  a.qualified_signer = reader.sized16();
  a.extra_data = reader.sized16();
  a.clock_ms = reader.u64();
  a.run.reset = reader.u32();
  a.run.restart = reader.u32();
  if (!read_yes_no(reader, a.clock_safe))
    return malformed_attestation(reader, "clockInfo.safe is no TPMI_YES_NO");
  a.firmware = reader.u64();
  if (reader.failed()) return malformed_attestation(reader, "ends in the common fields");
  if (a.type == kAttestQuote) {
    if (!read_selections(reader, a.selections))
      return malformed_attestation(reader, "PCR selection");
    a.pcr_digest = reader.sized16();
  } else if (a.type == kAttestSessionAudit) {
    if (!read_yes_no(reader, a.exclusive))
      return malformed_attestation(reader, "exclusiveSession is no TPMI_YES_NO");
    a.session_digest = reader.sized16();
  } else {
    return a;
  }
  if (reader.failed()) return malformed_attestation(reader, "ends in the attested part");
  if (!reader.done())
    return Defect{Fault::trailing_bytes, Place::byte(reader.at()), "after TPMS_ATTEST"};
  return a;
}

void append_signed(Bytes& out, const SignedAttestation& signed_attestation) {
  ENSURE(signed_attestation.attest.size() <= kMaxAttestBytes);
  Writer(out)
      .sized16(signed_attestation.attest)
      .bytes(signed_attestation.r)
      .bytes(signed_attestation.s);
}

SignedAttestation read_signed(Reader& reader) {
  SignedAttestation out;
  const ByteView attest = reader.sized16();
  if (attest.size() > kMaxAttestBytes) {
    reader.bytes(reader.left() + 1);  // fails it
    return out;
  }
  out.attest.assign(attest.begin(), attest.end());
  out.r = reader.hash().bytes;
  out.s = reader.hash().bytes;
  return out;
}

Hash receipt_hash(const SignedAttestation& audit) {
  return hash({audit.attest, audit.r, audit.s});
}

}  // namespace stele::attest
