// What the kernel drops at sockets that were passed, over all lives of the daemon: how much of it
// the log has, and what it does not have yet.
//
//   the log's newest position → follow(cookie) → what the log knows of this socket
//   the kernel's total now    → drops_since()  → a gap → one group: gap record and position()
//
// Such a socket stays open when a daemon ends, and the kernel goes on counting. Its total since it
// was made is the one count that there is, so that what is dropped while a daemon runs and what is
// dropped while none does are told alike, each once: count and position become durable together.
// Thread safety: none. Errors: none; resume_passed_drops as Store::visit. Limits: kMaxDropTotals.
// Trust: the totals are the kernel's word; what an earlier life has told is the log's.
// See: README.md, "What the kernel drops".
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "attest/gap.h"
#include "daemon/ingest/drop_totals.h"
#include "storage/store.h"

namespace stele::daemon {

// Datagrams that the kernel has dropped at this socket since it was made, modulo 2^32; none: it
// does not say.
std::optional<std::uint32_t> dropped_by_kernel(int fd);
// What no other socket of this boot has; none: the kernel does not say.
std::optional<std::uint64_t> cookie_of(int fd);

// What was dropped between what is known and what is seen now, which is known from here on. The
// span goes from when the known was seen to until_ns, a moment behind the look.
std::optional<attest::Gap> drops_since(DropTotal& known, const DropTotal& now,
                                       std::int64_t until_ns);

class PassedDrops {
 public:
  static constexpr std::string_view kInput = "udp-drops";  // of its positions

  // boot_id, boot_ns: this boot's, and when by the wall clock it was. position: the log's newest;
  // empty: it has none.
  PassedDrops(std::string boot_id, std::int64_t boot_ns, std::string_view position);

  // This socket, at which the kernel has dropped so many, is passed. What the log knows of it; of
  // one that it does not know, that nothing was dropped until the boot. That stays where it is, and
  // is to be moved on as the log is told. Null: too many are passed, or the boot has no id.
  DropTotal* follow(std::uint64_t cookie, std::uint32_t dropped);
  bool empty() const { return followed_.empty(); }
  // Once all are followed: of the others, too many are forgotten here. Not while empty().
  std::string position();

 private:
  std::int64_t boot_ns_;
  DropTotals known_;
  std::set<std::uint64_t> followed_;
};

PassedDrops resume_passed_drops(const storage::Store& store);

}  // namespace stele::daemon
