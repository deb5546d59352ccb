// A statement: the 256 bytes that an anchor commits to, and the hashes made of it.
//
//   0 magic "STELEAN1" · 8 version u16 · 10 flags u16 · 12 log_id 32 · 44 era u32 · 48 seq u64
//   56 quote_seq u64 · 64 counter u64 · 72 tree_size u64 · 80 merkle_root 32 · 112 chain_head 32
//   144 prev_extend 32 · 176 prev_receipt 32 · 208 bundle 32 · 240 wallclock_ns i64
//   248 reset_seen u32 · 252 restart_seen u32 · 256
//
//   d           H("stele/v1/anchor\0" ‖ statement)
//   E_n         H(E_{n-1} ‖ d_n)                      what TPM2_NV_Extend makes of E
//   chain_head  H(previous chain_head ‖ previous d)   first: log_id
//
// Thread safety: pure. Errors: decode_statement: truncated, trailing_bytes, bad_magic,
// version_unknown, value_out_of_range (a flag bit without a name). Trust: from the host under judgement.
#pragma once

#include <cstdint>

#include "attest/hash.h"
#include "attest/merkle.h"
#include "attest/result.h"

namespace stele::attest {

constexpr std::size_t kStatementBytes = 256;
constexpr std::uint16_t kStatementVersion = 1;

// flags
constexpr std::uint16_t kFirstOfRun = 1 << 0;
constexpr std::uint16_t kFinalOfShutdown = 1 << 1;
constexpr std::uint16_t kRecovery = 1 << 2;
constexpr std::uint16_t kHeartbeat = 1 << 3;
constexpr std::uint16_t kAfterResume = 1 << 4;
constexpr std::uint16_t kQuote = 1 << 5;  // a quote anchor's statement; else a counter anchor's
constexpr std::uint16_t kForeignExtend = 1 << 6;
constexpr std::uint16_t kKnownFlags = 0x7f;

// One value of the signed pair of counts. (Both obfuscated by constants: compare differences only.)
struct Run {
  std::uint32_t reset = 0;
  std::uint32_t restart = 0;
  bool operator==(const Run&) const = default;
};

struct Statement {
  std::uint16_t flags = 0;
  Hash log_id;
  std::uint32_t era = 0;
  std::uint64_t seq = 0;        // counter - c_0; in a quote anchor that of the newest counter anchor
  std::uint64_t quote_seq = 0;  // 1, 2, ... within the run; 0 in a counter anchor
  std::uint64_t counter = 0;    // what C shows after the increment
  TreeHead tree;
  Hash chain_head;
  Hash prev_extend;   // counter anchor: E before it; quote anchor: E now
  Hash prev_receipt;  // H(GSAD attest ‖ r ‖ s) of the counter receipt before; first: the genesis receipt's
  Hash bundle;        // H(bundle): the newest of this run
  std::int64_t wallclock_ns = 0;
  Run run;  // signed in that bundle

  bool is_quote() const { return (flags & kQuote) != 0; }
  bool operator==(const Statement&) const = default;
};

std::array<std::uint8_t, kStatementBytes> encode(const Statement& statement);
Result<Statement> decode_statement(ByteView bytes);
Hash statement_digest(ByteView encoded_statement);           // d
Hash extended(const Hash& before, const Hash& digest);       // H(before ‖ digest): E, P and chain_head

}  // namespace stele::attest
