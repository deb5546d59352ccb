// What a log hands out at once (A9): counter anchors with their receipts, and checkpoints, as
// lines.
//
//   stele-push 1 anchor LOG_ID BASE64(statement) BASE64(receipt) LF
//   stele-push 1 checkpoint LOG_ID BASE64(note) LF
//
// Each line stands alone: a file of them is appended to, a POST carries some, and the same line may
// come twice. Thread safety: pure. Errors: bad_magic, value_out_of_range, and those of statement,
// receipt and note. Trust: whoever can reach the place can write there; what counts is what the
// TPM signed. See: README.md, "Handed out".
#pragma once

#include <variant>

#include "attest/checkpoint.h"
#include "attest/receipt.h"
#include "attest/statement.h"

namespace stele::attest {

constexpr std::size_t kMaxPushedLineBytes = 64u << 10;

struct PushedAnchor {
  Statement statement;
  Receipt receipt;
  bool operator==(const PushedAnchor&) const = default;
};
struct PushedCheckpoint {
  Hash log_id;
  Note note;
};
using Pushed = std::variant<PushedAnchor, PushedCheckpoint>;

std::string to_line(const PushedAnchor& anchor);  // with its LF
std::string to_line(const PushedCheckpoint& checkpoint);
Result<Pushed> parse_pushed(std::string_view line);  // without its LF

}  // namespace stele::attest
