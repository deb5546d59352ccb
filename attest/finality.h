// Finality: up to which counter anchor no other history of the log can come to be final as well.
//
//   Mode A  the newest: root knows no ownerAuth, the TPM holds one history
//   Mode B  root can define E anew and read another history back, but of one counter value the TPM
//           makes one exclusive receipt in its life. Anchor n is final when n+1 and n+2 stand
//           behind it and no read-back stood fewer than two exclusive receipts behind another, up
//           to n+2. Two histories that differ at n need three read-backs among n, n+1, n+2 between
//           them, and each is allowed one.
//
// Invariants: 1. never falls. 2. once the read-back rule is broken it stays where it is.
// Thread safety: a value. See: README.md, "Finality"; RunRules says when the rule is broken.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "attest/genesis.h"
#include "attest/receipt.h"

namespace stele::attest {

struct FinalThrough {
  enum class By : std::uint8_t {
    mode_a,      // the newest counter anchor, in Mode A
    two_behind,  // in Mode B, by the receipts presented
    memory,      // in Mode B, for the verifier who remembers it
  };
  std::uint64_t seq = 0;   // counter anchor
  std::uint64_t size = 0;  // records
  By by = By::mode_a;
  bool operator==(const FinalThrough&) const = default;
};
std::string_view name(FinalThrough::By by);

class Finality {
 public:
  explicit Finality(Mode mode) : mode_(mode) {}
  // The next counter anchor: its receipt verified, and the records are those it commits to.
  void counter_anchor(std::uint64_t seq, std::uint64_t size, ReceiptKind kind);
  // None yet: nothing.
  const std::optional<FinalThrough>& through() const { return through_; }

 private:
  struct Anchor {
    std::uint64_t seq = 0, size = 0;
    bool read_back = false;
  };
  Mode mode_;
  std::array<std::optional<Anchor>, 2> behind_;  // the newest two, the older first
  bool broken_ = false;
  std::optional<FinalThrough> through_;
};

}  // namespace stele::attest
