// The anchors of a store, read from its journal: statements and receipts as stored, not judged.
//
// For handing evidence on (proofs, exports), never for a verdict: that is the appraiser's.
// Blocks: reads the journal. Thread safety: pure. Errors: CommandError 65 when the journal is
// damaged. Trust: the store is the host's; whoever receives what is made of it verifies it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "attest/checkpoint.h"
#include "attest/genesis.h"
#include "attest/receipt.h"
#include "attest/statement.h"

namespace stele::tools {

struct StoredAnchor {
  attest::Bytes statement_bytes;
  attest::Statement statement;
  attest::Receipt receipt;
};

// What the journal says the log is, in its newest era.
attest::Genesis newest_genesis(const std::string& data);
// Every statement that has a receipt, oldest first, until the visitor returns false.
void visit_anchors(const std::string& data,
                   const std::function<bool(const StoredAnchor&)>& visitor);
// The oldest counter anchor over the record.
std::optional<StoredAnchor> find_anchor_over(const std::string& data, std::uint64_t index);
// The oldest one over the record whose head is among the cosigned heads that the directory keeps
// (DIR/cosignatures), and that head's note, which the log signed.
struct SignedAnchor {
  StoredAnchor anchor;
  attest::Note note;
};
std::optional<SignedAnchor> find_signed_anchor_over(const std::string& data, std::uint64_t index);
// The counter anchor with this seq, of the newest era.
std::optional<StoredAnchor> find_anchor(const std::string& data, std::uint64_t seq);

}  // namespace stele::tools
