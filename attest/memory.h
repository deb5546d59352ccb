// Memory: what a verifier keeps of a log between visits: where its anchor chain stood.
//
//   stele-memory 2
//   log_id HEX · seq N · quote_seq N · reset N · restart N · extend HEX · digest HEX · size N ·
//   root HEX · counter_size N · chain_head HEX · prev_receipt HEX · receipt_reset N ·
//   receipt_restart N · fold HEX · run_quotes N · bundle HEX · boot_id HEX32 · bundle_reset N ·
//   bundle_restart N · clock_reset N · clock_restart N · clock_ms N · wallclock_ns N · state N
//
// One `key value` a line, in this order, all required, LF ends; accepted text re-encodes to itself.
// It holds all that the next statement is judged by, so that evidence may begin behind the
// remembered statement and has nothing of its own to say about what came before.
// Thread safety: values. Errors: parse_memory: value_out_of_range, with the line.
// Trust: the verifier's own: it is written only when a conclusion was verified.
// See: README.md, "Memory file".
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "attest/statement.h"

namespace stele::attest {

// What a chain knows of its newest boot bundle.
struct MemoryBundle {
  Hash hash;
  std::array<std::uint8_t, 16> boot_id{};
  Run run;
  bool operator==(const MemoryBundle&) const = default;
};

struct Memory {
  // The last accepted statement.
  Hash log_id;
  std::uint64_t seq = 0;
  std::uint64_t quote_seq = 0;
  Run run;
  Hash extend;  // E after it
  Hash digest;  // its d
  TreeHead tree;
  std::uint64_t counter_size = 0;  // records that a counter anchor covers
  // What the next one is judged by (anchor_chain.h).
  Hash chain_head;    // it must name
  Hash prev_receipt;  // it must name: of the newest counter receipt
  Run receipt_run;    // ... which lies in this run
  Hash fold;          // what P was
  std::uint64_t run_quotes = 0;  // newest quote_seq of the run
  MemoryBundle bundle;
  Run clock_run;
  std::uint64_t clock_ms = 0;  // highest in that run
  std::int64_t wallclock_ns = 0;
  // Bits of `state`.
  static constexpr std::uint8_t kBundleBound = 1 << 0;   // a counter anchor names the bundle
  static constexpr std::uint8_t kRunBegun = 1 << 1;      // the bundle's run has a statement
  static constexpr std::uint8_t kResumed = 1 << 2;       // that run began by a Resume
  static constexpr std::uint8_t kFinal = 1 << 3;         // the newest counter anchor was final
  static constexpr std::uint8_t kForeignNoted = 1 << 4;  // a remark said so, its bundle is to come
  static constexpr std::uint8_t kForeignDue = 1 << 5;    // the next counter anchor must say so
  static constexpr std::uint8_t kCleanEnd = 1 << 6;      // it was final, and its receipt full
  static constexpr std::uint8_t kKnownState = 0x7f;
  std::uint8_t state = 0;
  bool operator==(const Memory&) const = default;
};
std::string to_text(const Memory& memory);
Result<Memory> parse_memory(std::string_view text);

}  // namespace stele::attest
