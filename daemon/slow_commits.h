// Groups that were long on their way to the disk while an anchor was made without them: their
// records are then dated before the anchor that precedes them, and a note has to say so.
//
//   {"note":"slow_commit","since_ns":N,"until_ns":N}
//
// from the date of the group's oldest record until the group was durable, both by the wall clock
// that dated it. How slow it was is known afterwards only, so the note begins the next group; what
// it explains to the verifier is in attest/README.md, rule 7. A slow group that no anchor passed by
// needs no note, and gets none.
// Thread safety: anchor_looks() from any thread, the rest on the sequencer's.
// Durability: a note that is owed when the daemon dies is lost; then the finding is `back_dated`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "daemon/wall_clock.h"
#include "storage/store.h"

namespace stele::daemon {

// Of what an anchor passes by. The verifier bears slack_ms, 5 s by default, without a word; the
// second that is left is for what lies between an anchor's look and its date.
constexpr std::chrono::seconds kSlowCommit{4};

class SlowCommits {
 public:
  // A statement is about to be made over what is durable: to be called before that is read.
  void anchor_looks(std::int64_t boot_ns = boot_clock_ns()) { looked_at_ns_ = boot_ns; }
  // The group, dated by a wall clock that is so much ahead of the boot clock, is durable.
  void committed(std::span<const storage::NewRecord> group, std::int64_t offset_ns,
                 std::int64_t boot_ns = boot_clock_ns());
  bool owes_note() const { return owed_.has_value(); }
  struct Note {
    std::int64_t time_ns = 0;
    std::string text;
  };
  std::optional<Note> take_note();  // nothing: none is owed

 private:
  struct Span {
    std::int64_t since_ns = 0, until_ns = 0;
  };
  std::atomic<std::int64_t> looked_at_ns_{0};  // by the boot clock; 0: never
  std::optional<Span> owed_;
};

}  // namespace stele::daemon
