// A record's proof, as `stele prove` and GET /v1/events/{index}/proof give it out.
//
// Thread safety: as Store's reading. Blocks: reads files. Errors: of Store.
#pragma once

#include <optional>
#include <string>

#include "attest/proof.h"
#include "daemon/anchor_status.h"
#include "storage/store.h"

namespace stele::daemon {

// The record below the anchor's head, without the quote: a proof stands on the counter, and the
// quote would double its size. Precondition: index < anchor.statement.tree.size. Nothing: its
// content is wanted and was erased.
std::optional<attest::Proof> prove_record(const storage::Store& store, const CounterAnchor& anchor,
                                          std::uint64_t index, bool content);

}  // namespace stele::daemon
