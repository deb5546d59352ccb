// How many datagrams the kernel has dropped at each passed socket, as the log knows it: a position.
//
//   BOOT:COOKIE=DROPPED@SEEN,COOKIE=DROPPED@SEEN…      by cookie, ascending, each once
//   870c2f1e-1d5b-4a3c-9a52-0d6c7a0b1e55:138b=812@1795624433000000000
//
// BOOT      this boot's id, 36 characters: another kernel counts anew
// COOKIE    which socket (SO_COOKIE), in hex, not 0: no other one of this boot has it
// DROPPED   since it was made (SK_MEMINFO_DROPS), decimal, below 2^32, where it goes round
// SEEN      when that was read: nanoseconds since 1970, decimal
// Thread safety: a value. Errors: parse_drop_totals: none, for whatever encoded() does not write.
// Limits: kMaxDropTotals. Trust: from the log, as root may have written it; what gap records state
// follows from it, and nothing else does. See: README.md, "Positions".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

// Sockets of one boot, also those that are passed no more: many times what a host has at once; few
// enough for a position to stay below 13 KiB, since each gap record of such a socket brings one.
constexpr std::size_t kMaxDropTotals = 256;

struct DropTotal {
  std::uint32_t dropped = 0;
  std::int64_t seen_ns = 0;  // not negative
  bool operator==(const DropTotal&) const = default;
};

struct DropTotals {
  std::string boot_id;
  std::map<std::uint64_t, DropTotal> sockets;  // by cookie
  bool operator==(const DropTotals&) const = default;
  std::string encoded() const;  // of at least one socket
};

bool is_boot_id(std::string_view text);
std::optional<DropTotals> parse_drop_totals(std::string_view text);

}  // namespace stele::daemon
