// The signed parts of a receipt: the audit session's digest recomputed, the quote's selection and
// values.
#include <algorithm>

#include "attest/codec.h"
#include "attest/receipt.h"

namespace stele::attest {
namespace {

constexpr std::uint32_t kNvIncrement = 0x00000134;
constexpr std::uint32_t kNvExtend = 0x00000136;
constexpr std::uint32_t kNvRead = 0x0000014e;
constexpr std::uint16_t kSignedAlgSha256 = 0x000b;
constexpr std::size_t kSelectBytes = 3;

Bytes u16_bytes(std::uint16_t v) {
  Bytes out;
  Writer(out).u16(v);
  return out;
}

// cpHash: H(command code ‖ Names of both handles (the index authorises itself) ‖ parameters).
Hash command_hash(std::uint32_t code, const Name& index,
                  std::initializer_list<ByteView> parameters) {
  Bytes bytes;
  Writer writer(bytes);
  writer.u32(code).bytes(index).bytes(index);
  for (const ByteView part : parameters) writer.bytes(part);
  return hash(bytes);
}

// rpHash: H(TPM_RC_SUCCESS ‖ command code ‖ parameters).
Hash response_hash(std::uint32_t code, ByteView parameters) {
  Bytes bytes;
  Writer(bytes).u32(0).u32(code).bytes(parameters);
  return hash(bytes);
}

Hash audited(const Hash& before, const Hash& command, const Hash& response) {
  return hash({before, command, response});
}

Hash audited_reads(Hash digest, const TpmIdentity& identity, std::uint64_t counter,
                   const Hash& extend) {
  Bytes counter_value;
  Writer(counter_value).u16(8).u64(counter);
  digest =
      audited(digest, command_hash(kNvRead, identity.counter_name, {u16_bytes(8), u16_bytes(0)}),
              response_hash(kNvRead, counter_value));
  Bytes extend_value;
  Writer(extend_value).sized16(extend);
  return audited(digest, command_hash(kNvRead, identity.extend_name, {u16_bytes(32), u16_bytes(0)}),
                 response_hash(kNvRead, extend_value));
}

bool equal(ByteView a, ByteView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// What both kinds of attestation have in common.
Result<Attestation> verify_signed(const SignedAttestation& part, const AttestationPublic& ak,
                                  std::uint16_t type, const Hash& extra_data) {
  if (part.attest.size() > kMaxAttestBytes)
    return Defect(Fault::attest_malformed, {}, "TPMS_ATTEST too long");
  Result<Attestation> parsed = parse_attestation(part.attest);
  if (!parsed) return parsed;
  if (!equal(parsed->qualified_signer, ak.qualified_name())) {
    return Defect(Fault::signer_mismatch, {},
                  "signed by another key than the pinned AK in the owner hierarchy");
  }
  if (const Result<void> signature = ak.verify(part); !signature) return signature.error();
  if (parsed->type != type)
    return Defect(Fault::attest_malformed, {}, "an attestation of another type");
  if (!equal(parsed->extra_data, extra_data)) {
    return Defect(Fault::receipt_extra_data, {}, "extraData is not what this receipt must carry");
  }
  return parsed;
}

}  // namespace

Hash full_session_digest(const TpmIdentity& identity, const Hash& digest, std::uint64_t counter,
                         const Hash& extend) {
  Hash session;
  session = audited(session, command_hash(kNvIncrement, identity.counter_name, {}),
                    response_hash(kNvIncrement, {}));
  session = audited(session, command_hash(kNvExtend, identity.extend_name, {u16_bytes(32), digest}),
                    response_hash(kNvExtend, {}));
  return audited_reads(session, identity, counter, extend);
}

Hash read_session_digest(const TpmIdentity& identity, std::uint64_t counter, const Hash& extend) {
  return audited_reads(Hash{}, identity, counter, extend);
}

Result<Attestation> verify_audit(const AuditPart& part, const TpmIdentity& identity,
                                 const Hash& session_digest, const Hash& extra_data) {
  Result<Attestation> audit =
      verify_signed(part.signed_attestation, identity.ak, kAttestSessionAudit, extra_data);
  if (!audit) return audit;
  if (!audit->exclusive)
    return Defect(Fault::receipt_not_exclusive, {}, "the audit session was not exclusive");
  if (!equal(audit->session_digest, session_digest)) {
    return Defect(Fault::receipt_digest, {},
                  "the session digest is not that of the commands it must be");
  }
  return audit;
}

Result<Attestation> verify_quote(const SignedAttestation& part, const AttestationPublic& ak,
                                 std::uint32_t selected, ByteView values, const Hash& extra_data) {
  Result<Attestation> quote = verify_signed(part, ak, kAttestQuote, extra_data);
  if (!quote) return quote;
  Bytes bitmap(kSelectBytes);
  for (std::size_t i = 0; i < kSelectBytes; ++i)
    bitmap[i] = static_cast<std::uint8_t>(selected >> (8 * i));
  if (quote->selections.size() != 1 ||
      quote->selections[0] != PcrSelection{kSignedAlgSha256, bitmap}) {
    return Defect(Fault::pcr_selection, {}, "the quote is over other PCRs than it must be");
  }
  if (!equal(quote->pcr_digest, hash(values))) {
    return Defect(Fault::pcr_digest, {}, "the stored PCR values are not those quoted");
  }
  return quote;
}

Result<Attestation> verify_quote(const QuotePart& part, const TpmIdentity& identity,
                                 const Hash& extra_data) {
  // The stored values stand in ascending order only when P comes after 0-7.
  if (identity.pcr < 8 || identity.pcr >= 8 * kSelectBytes) {
    return Defect(Fault::pcr_selection, {}, "PCR " + std::to_string(identity.pcr) + " cannot be P");
  }
  Bytes values;
  for (const Hash& value : part.pcrs) Writer(values).bytes(value);
  return verify_quote(part.signed_attestation, identity.ak, 0xffu | 1u << identity.pcr, values,
                      extra_data);
}

}  // namespace stele::attest
