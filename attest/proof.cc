#include "attest/proof.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/statement.h"

namespace stele::attest {
namespace {

constexpr std::string_view kProofMagic = "STELEPRF";
constexpr std::uint16_t kProofVersion = 1;
constexpr std::uint8_t kContentPart = 1 << 0;
constexpr std::uint8_t kProofHasQuote = 1 << 1;

bool is_counter_anchors(ReceiptKind kind) {
  return kind == ReceiptKind::full || kind == ReceiptKind::read_back;
}

template <std::size_t N>
void read_into(Reader& reader, std::array<std::uint8_t, N>& out) {
  const ByteView bytes = reader.bytes(N);
  std::copy(bytes.begin(), bytes.end(), out.begin());
}

Bytes copy_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

Proof::OwnedContent read_content(Reader& reader) {
  Proof::OwnedContent content;
  content.salt = reader.hash();
  content.tlvs = copy_of(reader.sized32());
  content.bytes = copy_of(reader.sized32());
  return content;
}

}  // namespace

Bytes encode(const Proof& proof) {
  const Receipt& receipt = proof.receipt;
  ENSURE(is_counter_anchors(receipt.kind) && receipt.audit && proof.path.size() <= kMaxProofPath);
  Bytes out;
  Writer writer(out);
  writer.bytes(view(kProofMagic))
      .u16(kProofVersion)
      .u8(static_cast<std::uint8_t>((proof.content ? kContentPart : 0) |
                                    (receipt.quote ? kProofHasQuote : 0)))
      .u64(proof.index)
      .bytes(proof.leaf)
      .u8(static_cast<std::uint8_t>(proof.path.size()));
  for (const Hash& sibling : proof.path) writer.bytes(sibling);
  writer.bytes(proof.statement).u8(static_cast<std::uint8_t>(receipt.kind));
  append_audit(out, *receipt.audit);
  if (receipt.quote) append_quote(out, *receipt.quote);
  if (proof.content) {
    ENSURE(verify_tlvs(proof.content->tlvs));
    writer.bytes(proof.content->salt).sized32(proof.content->tlvs).sized32(proof.content->bytes);
  }
  return out;
}

Result<Proof> decode_proof(ByteView bytes) {
  Reader reader(bytes);
  const bool magic = reader.expect(view(kProofMagic));
  if (!magic && bytes.size() >= kProofMagic.size()) return Defect(Fault::bad_magic, {}, "proof");
  const std::uint16_t version = reader.u16();
  if (!reader.failed() && version != kProofVersion) {
    return Defect(Fault::version_unknown, {}, "proof version " + std::to_string(version));
  }
  const std::uint8_t parts = reader.u8();
  if ((parts & ~(kContentPart | kProofHasQuote)) != 0) {
    return Defect(Fault::value_out_of_range, {}, "proof parts " + std::to_string(parts));
  }
  Proof proof;
  proof.index = reader.u64();
  read_into(reader, proof.leaf);
  const std::uint8_t path = reader.u8();
  if (path > kMaxProofPath) {
    return Defect(Fault::value_out_of_range, {}, "a path of " + std::to_string(path) + " hashes");
  }
  for (std::uint8_t i = 0; i < path; ++i) proof.path.push_back(reader.hash());
  read_into(reader, proof.statement);
  proof.receipt.kind = static_cast<ReceiptKind>(reader.u8());
  proof.receipt.audit = read_audit(reader);
  if ((parts & kProofHasQuote) != 0) proof.receipt.quote = read_quote(reader);
  if ((parts & kContentPart) != 0) proof.content = read_content(reader);
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()), "proof");
  if (!reader.done()) return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "proof");
  if (!is_counter_anchors(proof.receipt.kind)) {
    return Defect(Fault::value_out_of_range, {}, "proof: the receipt is not a counter anchor's");
  }
  if (proof.content) {
    if (auto tlvs = verify_tlvs(proof.content->tlvs); !tlvs) return tlvs.error();
  }
  proof.receipt.digest = statement_digest(proof.statement);
  return proof;
}

}  // namespace stele::attest
