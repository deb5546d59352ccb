// The journal of anchors together with the chain that its entries lead to: judged, then stored.
//
// Thread safety: one thread. Blocks: add() and remark() sync.
// Errors: opening throws storage::Damage for entries that no chain of anchors contains; a failed
// write throws std::system_error, chain() is as before, and the journal is broken for good unless
// the disk was only full (storage::is_full): then it may be tried again.
// Invariants: (1) an entry that the chain refuses is never stored; (2) what chain() says is
// durable.
#pragma once

#include <optional>
#include <string>

#include "attest/anchor_chain.h"
#include "daemon/anchor_status.h"
#include "storage/file_system.h"
#include "storage/journal.h"

namespace stele::daemon {

class AnchorJournal {
 public:
  // Replays DIR/journal, of several eras the newest. `identity` must be that of its genesis.
  AnchorJournal(storage::FileSystem& files, const std::string& directory,
                const attest::TpmIdentity& identity);

  const attest::AnchorChain& chain() const { return *chain_; }
  // A defect: the chain refuses the entry; nothing was stored and chain() is as before.
  attest::Result<attest::AnchorChain::Applied> add(attest::EntryKind kind,
                                                   attest::ByteView payload);
  // A `stopped` that the newest remark already says is not said again.
  void remark(attest::RemarkCode code, const std::string& text);

  // Nothing before the first.
  const std::optional<CounterAnchor>& newest_counter_anchor() const { return newest_; }
  // As they lie in the journal; the receipt is empty until there is one.
  const attest::Bytes& genesis() const { return genesis_; }
  const attest::Bytes& genesis_receipt() const { return genesis_receipt_; }

 private:
  void replay(std::uint8_t kind, attest::ByteView payload, const attest::TpmIdentity& identity);
  void remember(const attest::AnchorChain::Applied& applied, attest::ByteView payload);

  std::optional<attest::AnchorChain> chain_;
  std::optional<attest::Defect> refused_;  // why an era's genesis is not that of `identity`
  std::optional<storage::Journal> journal_;
  std::optional<CounterAnchor> newest_;
  attest::Bytes genesis_, genesis_receipt_;
  std::optional<attest::Remark> newest_remark_;
};

}  // namespace stele::daemon
