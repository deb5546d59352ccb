#include "attest/export.h"

#include <algorithm>

#include "attest/codec.h"

namespace stele::attest {
namespace {

constexpr std::uint16_t kEcdsa = 0x0018;
constexpr std::uint16_t kExportedSha256 = 0x000b;

// Sizes of the TSS's C structures.
constexpr std::size_t kSelectionListBytes = 4 + 16 * 8;
constexpr std::size_t kDigestBytes = 2 + 64;
constexpr std::size_t kDigestsPerList = 8;

void little_u16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value & 0xff));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}

void little_u32(Bytes& out, std::size_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift & 0xff));
}

Bytes bytes_of(std::string_view text) {
  return {view(text).begin(), view(text).end()};
}

void append_signed(std::vector<ExportedFile>& files, const std::string& prefix,
                   const SignedAttestation& part, const AttestationPublic& ak) {
  files.push_back({prefix + "attest", part.attest});
  files.push_back({prefix + "sig.tss", signature_tss(part)});
  files.push_back({prefix + "sig.der", ak.signature_der(part)});
}

}  // namespace

Bytes signature_tss(const SignedAttestation& signed_attestation) {
  Bytes out;
  Writer(out)
      .u16(kEcdsa)
      .u16(kExportedSha256)
      .sized16(signed_attestation.r)
      .sized16(signed_attestation.s);
  return out;
}

Bytes checkquote_pcrs(const PcrValues& values, std::uint8_t pcr) {
  Bytes out;
  little_u32(out, 1);  // one bank
  little_u16(out, kExportedSha256);
  const std::uint32_t bits = 0xffu | std::uint32_t{1} << pcr;
  out.push_back(3);
  for (int shift = 0; shift < 24; shift += 8)
    out.push_back(static_cast<std::uint8_t>(bits >> shift & 0xff));
  out.resize(kSelectionListBytes);
  little_u32(out, (values.size() + kDigestsPerList - 1) / kDigestsPerList);
  for (std::size_t first = 0; first < values.size(); first += kDigestsPerList) {
    const std::size_t count = std::min(kDigestsPerList, values.size() - first);
    const std::size_t end = out.size() + 4 + kDigestsPerList * kDigestBytes;
    little_u32(out, count);
    for (std::size_t i = first; i < first + count; ++i) {
      const std::size_t next = out.size() + kDigestBytes;
      little_u16(out, static_cast<std::uint16_t>(values[i].bytes.size()));
      out.insert(out.end(), values[i].bytes.begin(), values[i].bytes.end());
      out.resize(next);
    }
    out.resize(end);
  }
  return out;
}

std::vector<ExportedFile> export_receipt(const Receipt& receipt, const TpmIdentity& identity,
                                         ByteView encoded_statement) {
  std::vector<ExportedFile> files;
  files.push_back({"statement", {encoded_statement.begin(), encoded_statement.end()}});
  if (receipt.quote) {
    append_signed(files, "", receipt.quote->signed_attestation, identity.ak);
    files.push_back({"pcrs", checkquote_pcrs(receipt.quote->pcrs, identity.pcr)});
  }
  if (receipt.audit) append_signed(files, "audit.", receipt.audit->signed_attestation, identity.ak);
  files.push_back({"ak.pem", bytes_of(identity.ak.pem())});
  return files;
}

}  // namespace stele::attest
