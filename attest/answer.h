// A live answer: the host's TPM says, for a verifier's nonce, what C, E and P are now.
//
//   magic "STELEANS" · version u16 = 1 · nonce 32 · log_id 32 · seq u64 · quote_seq u64 · d 32 · tree_size u64
//   audit part (read session) · quote part                        (layouts in receipt.h)
//   extraData of both = H("stele/v1/challenge\0" ‖ nonce 32 ‖ log_id 32 ‖ seq u64 ‖ quote_seq u64 ‖ d 32)
//
// seq, quote_seq, d: of the quote anchor (or counter anchor) that the host made over its whole durable
// log before it answered. Thread safety: values. Errors: decode as usual. Trust: from the host.
#pragma once

#include "attest/receipt.h"

namespace stele::attest {

struct Answer {
  Hash nonce;
  Hash log_id;
  std::uint64_t seq = 0;
  std::uint64_t quote_seq = 0;
  Hash digest;
  std::uint64_t tree_size = 0;
  AuditPart audit;
  QuotePart quote;
  bool operator==(const Answer&) const = default;
};
Bytes encode(const Answer& answer);
Result<Answer> decode_answer(ByteView bytes);
Hash answer_extra_data(const Answer& answer);

}  // namespace stele::attest
