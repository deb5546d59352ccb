#include "attest/receipt.h"

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/statement.h"

namespace stele::attest {
namespace {

constexpr std::string_view kReceiptMagic = "STELERCP";
constexpr std::uint16_t kReceiptVersion = 1;
constexpr std::uint8_t kAuditPart = 1 << 0;
constexpr std::uint8_t kReceiptHasQuote = 1 << 1;

bool parts_fit(ReceiptKind kind, std::uint8_t parts) {
  switch (kind) {
    case ReceiptKind::full:
      return parts == (kAuditPart | kReceiptHasQuote);
    case ReceiptKind::read_back:
      return parts == kAuditPart || parts == (kAuditPart | kReceiptHasQuote);
    case ReceiptKind::quote:
      return parts == kReceiptHasQuote;
  }
  return false;
}

std::uint8_t parts_of(const Receipt& receipt) {
  return static_cast<std::uint8_t>((receipt.audit ? kAuditPart : 0) |
                                   (receipt.quote ? kReceiptHasQuote : 0));
}

}  // namespace

void append_audit(Bytes& out, const AuditPart& part) {
  Writer(out).u64(part.counter).bytes(part.extend);
  append_signed(out, part.signed_attestation);
}

void append_quote(Bytes& out, const QuotePart& part) {
  append_signed(out, part.signed_attestation);
  for (const Hash& value : part.pcrs) Writer(out).bytes(value);
}

AuditPart read_audit(Reader& reader) {
  AuditPart part;
  part.counter = reader.u64();
  part.extend = reader.hash();
  part.signed_attestation = read_signed(reader);
  return part;
}

QuotePart read_quote(Reader& reader) {
  QuotePart part;
  part.signed_attestation = read_signed(reader);
  for (Hash& value : part.pcrs) value = reader.hash();
  return part;
}

Bytes encode(const Receipt& receipt) {
  const std::uint8_t parts = parts_of(receipt);
  ENSURE(parts_fit(receipt.kind, parts));
  Bytes out;
  Writer(out)
      .bytes(view(kReceiptMagic))
      .u16(kReceiptVersion)
      .u8(static_cast<std::uint8_t>(receipt.kind))
      .u8(parts)
      .bytes(receipt.digest);
  if (receipt.audit) append_audit(out, *receipt.audit);
  if (receipt.quote) append_quote(out, *receipt.quote);
  return out;
}

Result<Receipt> decode_receipt(ByteView bytes) {
  Reader reader(bytes);
  const bool magic = reader.expect(view(kReceiptMagic));
  if (!magic && bytes.size() >= kReceiptMagic.size())
    return Defect(Fault::bad_magic, {}, "receipt");
  const std::uint16_t version = reader.u16();
  if (!reader.failed() && version != kReceiptVersion) {
    return Defect(Fault::version_unknown, {}, "receipt version " + std::to_string(version));
  }
  Receipt receipt;
  receipt.kind = static_cast<ReceiptKind>(reader.u8());
  const std::uint8_t parts = reader.u8();
  if (!reader.failed() && !parts_fit(receipt.kind, parts)) {
    return Defect(Fault::value_out_of_range, {}, "the receipt's parts do not fit its kind");
  }
  receipt.digest = reader.hash();
  if ((parts & kAuditPart) != 0) receipt.audit = read_audit(reader);
  if ((parts & kReceiptHasQuote) != 0) receipt.quote = read_quote(reader);
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()), "receipt");
  if (!reader.done()) return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "receipt");
  return receipt;
}

Hash genesis_digest(ByteView genesis) {
  return hash({tag("stele/v1/genesis"), genesis});
}

Hash read_back_extra_data(const Hash& digest) {
  return hash({tag("stele/v1/readback"), digest});
}

namespace {

// Everything of the receipt's audit part but what it must show; fills in what it says.
Result<Attestation> verify_receipt_audit(const Receipt& receipt, const TpmIdentity& identity) {
  const AuditPart& audit = *receipt.audit;
  if (receipt.kind == ReceiptKind::full) {
    return verify_audit(audit, identity,
                        full_session_digest(identity, receipt.digest, audit.counter, audit.extend),
                        receipt.digest);
  }
  return verify_audit(audit, identity, read_session_digest(identity, audit.counter, audit.extend),
                      read_back_extra_data(receipt.digest));
}

}  // namespace

Result<VerifiedReceipt> verify_receipt(const Receipt& receipt, const TpmIdentity& identity,
                                       const Hash& digest, std::uint64_t counter,
                                       const Hash& extend) {
  const bool needs_quote = receipt.kind == ReceiptKind::quote;
  if (needs_quote ? !receipt.quote || receipt.audit : !receipt.audit) {
    return Defect(Fault::value_out_of_range, {}, "the receipt's parts do not fit its kind");
  }
  if (receipt.digest != digest)
    return Defect(Fault::receipt_unexpected, {}, "it names another statement");
  VerifiedReceipt verified;
  verified.kind_ = receipt.kind;
  if (receipt.quote) {
    const Result<Attestation> quote = verify_quote(*receipt.quote, identity, digest);
    if (!quote) return quote.error();
    verified.pcr_ = receipt.quote->pcrs.back();
    verified.run_ = verified.quote_run_ = quote->run;
    verified.clock_ms_ = quote->clock_ms;
    verified.firmware_ = quote->firmware;
  }
  if (receipt.audit) {
    const Result<Attestation> audit = verify_receipt_audit(receipt, identity);
    if (!audit) return audit.error();
    // The digest proves what was read; these say that it is what the statement demands.
    if (receipt.audit->counter != counter) {
      return Defect(Fault::counter_mismatch, {},
                    "the TPM signed C = " + std::to_string(receipt.audit->counter) + ", expected " +
                        std::to_string(counter));
    }
    if (receipt.audit->extend != extend) {
      return Defect(Fault::extend_mismatch, {},
                    "the TPM signed another E than the statements extend to");
    }
    verified.run_ = audit->run;
    verified.clock_ms_ = audit->clock_ms;
    verified.firmware_ = audit->firmware;
    verified.receipt_hash_ = receipt_hash(receipt.audit->signed_attestation);
  }
  return verified;
}

}  // namespace stele::attest
