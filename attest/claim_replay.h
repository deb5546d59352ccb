// ClaimReplay: what can be compared in a journal without a trust file: its parts with one another.
//
// Nothing signed is checked, so nothing that it finds in order may pass a verdict.
// Thread safety: one thread. Trust: all from the host under judgement.
#pragma once

#include <optional>

#include "attest/bundle.h"
#include "attest/entry.h"
#include "attest/receipt.h"
#include "attest/statement.h"

namespace stele::attest {

class ClaimReplay {
 public:
  // has_genesis_receipt: what is claimed begins behind it.
  explicit ClaimReplay(const Hash& log_id, bool has_genesis_receipt = false)
      : log_id_(log_id), has_genesis_receipt_(has_genesis_receipt) {}
  // The statement of an intent; nothing for the other kinds.
  Result<std::optional<Statement>> apply(EntryKind kind, ByteView payload);

 private:
  Result<std::optional<Statement>> apply_intent(ByteView payload);
  Result<void> verify_closing(const Hash& digest);
  Hash log_id_;
  bool has_genesis_receipt_;
  std::optional<Hash> open_;  // d of the statement that nothing has closed
};

}  // namespace stele::attest
