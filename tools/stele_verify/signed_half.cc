#include "tools/stele_verify/signed_half.h"

#include "attest/entry.h"

namespace stele::tools {
namespace {

using attest::Bytes;
using attest::ByteView;
using attest::Defect;
using attest::EntryKind;
using attest::Fault;
using attest::Result;

Result<SignedHalf> make_half(ByteView statement_bytes, ByteView receipt_bytes) {
  auto statement = attest::decode_statement(statement_bytes);
  if (!statement) return statement.error();
  auto receipt = attest::decode_receipt(receipt_bytes);
  if (!receipt) return receipt.error();
  if (receipt->digest != attest::statement_digest(statement_bytes)) {
    return Defect(Fault::receipt_unexpected, {}, "the receipt is another statement's");
  }
  return SignedHalf{Bytes(statement_bytes.begin(), statement_bytes.end()), std::move(*statement),
                    std::move(*receipt)};
}

}  // namespace

Bytes encode(const SignedHalf& half) {
  Bytes bytes = half.statement_bytes;
  const Bytes receipt = attest::encode(half.receipt);
  bytes.insert(bytes.end(), receipt.begin(), receipt.end());
  return bytes;
}

Result<SignedHalf> decode_signed_half(ByteView bytes) {
  if (bytes.size() < attest::kStatementBytes) {
    return Defect(Fault::truncated, {}, "it is shorter than a statement");
  }
  return make_half(bytes.first(attest::kStatementBytes), bytes.subspan(attest::kStatementBytes));
}

std::optional<attest::TpmIdentity> identity_for(const attest::TrustFile& trust,
                                                const attest::Hash& log_id) {
  const attest::TrustPins* pins = trust.log_id == log_id ? &trust : nullptr;
  for (const attest::EarlierEra& era : trust.earlier) {
    if (era.pins.log_id == log_id) pins = &era.pins;
  }
  if (pins == nullptr) return std::nullopt;
  auto identity = pins->identity();
  if (!identity) return std::nullopt;
  return std::move(*identity);
}

Result<void> verify_half(const SignedHalf& half, const attest::TrustFile& trust) {
  const auto identity = identity_for(trust, half.statement.log_id);
  if (!identity) return Defect(Fault::genesis_mismatch, {}, "the trust file does not pin its log");
  const attest::Hash digest = half.digest();
  const auto verified =
      attest::verify_receipt(half.receipt, *identity, digest, half.statement.counter,
                             attest::extended(half.statement.prev_extend, digest));
  if (!verified) return verified.error();
  return attest::ok();
}

bool have_one_number(const attest::Statement& one, const attest::Statement& other) {
  if (one.log_id != other.log_id || one.is_quote() != other.is_quote()) return false;
  if (!one.is_quote()) return one.seq == other.seq;
  return one.run == other.run && one.quote_seq == other.quote_seq;
}

void HalfCollector::feed(ByteView bytes) {
  decoder_.feed(bytes);
  while (const auto part = decoder_.next()) {
    if (const auto* entry = std::get_if<attest::EntryPart>(&*part)) {
      take(entry->kind, entry->payload);
    }
    if (const auto* answer = std::get_if<attest::AnswerPart>(&*part)) {
      answer_.assign(answer->bytes.begin(), answer->bytes.end());
    }
  }
}

void HalfCollector::take(std::uint8_t entry_kind, ByteView payload) {
  const auto kind = static_cast<EntryKind>(entry_kind);
  if (kind == EntryKind::intent) {
    open_.assign(payload.begin(), payload.end());
  } else if (kind == EntryKind::receipt && !open_.empty()) {
    auto half = make_half(open_, payload);
    open_.clear();
    if (!half) return;
    for (const SignedHalf& known : known_) {
      if (rival_ || !have_one_number(known.statement, half->statement)) continue;
      if (known.digest() == half->digest()) continue;
      rival_ = *half;
      contradicted_ = known;
    }
    if (!half->statement.is_quote()) newest_counter_ = *half;
    newest_ = std::move(*half);
  } else if (kind == EntryKind::voided || kind == EntryKind::genesis) {
    open_.clear();
  }
}

}  // namespace stele::tools
