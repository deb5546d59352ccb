// Journal entries: the kinds of what the journal holds, and the payloads not defined elsewhere.
//
//   1 genesis   genesis.h         only as the first entry
//   2 bundle    bundle.h
//   3 intent    statement.h       256 bytes; durable before the TPM is touched (A1, Q1)
//   4 receipt   receipt.h         closes the open intent (or, right after genesis, is the genesis receipt)
//   5 void      this file         closes the open intent without a receipt
//   6 remark    this file         what the daemon noticed (foreign extend, contention, intents lost)
// A kind this verifier does not know: below 0x80 opaque and skipped, from 0x80 undetermined.
//
//   void    reason u8 (1 run changed: in no fold, no chain; 2 kept: in P's fold and the chain, no receipt) · d 32
//   remark  code u8 · time i64 · seq u64 · text sized16 (UTF-8, at most 1,024 bytes)
//
// Thread safety: pure functions. Errors: truncated, trailing_bytes, value_out_of_range.
// Order is meaning: bundles, statements and receipts are one history. At most one intent is open at
// any time; a void or receipt comes before the next intent.
#pragma once

#include <cstdint>
#include <string>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

enum class EntryKind : std::uint8_t { genesis = 1, bundle = 2, intent = 3, receipt = 4, voided = 5, remark = 6 };

enum class VoidReason : std::uint8_t { run_changed = 1, kept = 2 };
struct Voided {
  VoidReason reason = VoidReason::run_changed;
  Hash digest;
  bool operator==(const Voided&) const = default;
};
Bytes encode(const Voided& voided);
Result<Voided> decode_voided(ByteView bytes);

constexpr std::size_t kMaxRemarkBytes = 1024;

enum class RemarkCode : std::uint8_t { foreign_extend = 1, contended = 2, stopped = 3, pause = 4, resumed = 5 };
struct Remark {
  RemarkCode code = RemarkCode::contended;
  std::int64_t time_ns = 0;
  std::uint64_t seq = 0;
  std::string text;
  bool operator==(const Remark&) const = default;
};
Bytes encode(const Remark& remark);
Result<Remark> decode_remark(ByteView bytes);

}  // namespace stele::attest
