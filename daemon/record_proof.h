// A record's proof, as `stele prove` and GET /v1/events/{index}/proof give it out.
//
// Thread safety: as Store's reading. Blocks: reads files. Errors: of Store.
#pragma once

#include <optional>
#include <string>

#include "attest/tlog_proof.h"
#include "daemon/anchor_status.h"
#include "daemon/checkpoint_signer.h"
#include "storage/store.h"

namespace stele::daemon {

// The record below the anchor's head, without the quote: a proof stands on the counter, and the
// quote would double its size. Precondition: index < anchor.statement.tree.size. Nothing: its
// content is wanted and was erased.
std::optional<attest::Proof> prove_record(const storage::Store& store, const CounterAnchor& anchor,
                                          std::uint64_t index, bool content);

// The head's checkpoint, signed now, with the cosignatures that the data directory keeps of that
// very head. Nothing: there is no key to sign with. Precondition: the head is a counter anchor's.
std::optional<attest::Note> signed_head(const CheckpointSigner& signer,
                                        const std::string& directory, const attest::TreeHead& head);

// Why there is no tlog-proof, in words and with what to do.
extern const char* const kNoCheckpointKey;
std::string tlog_proof_too_long(bool content);

}  // namespace stele::daemon
