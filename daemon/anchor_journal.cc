#include "daemon/anchor_journal.h"

#include "attest/check.h"
#include "attest/failpoint.h"
#include "daemon/wall_clock.h"
#include "storage/damage.h"

namespace stele::daemon {
namespace {

constexpr std::size_t kMaxRemarkBytes = 1024;

}  // namespace

AnchorJournal::AnchorJournal(storage::FileSystem& files, const std::string& directory,
                             const attest::TpmIdentity& identity) {
  const auto visitor = [&](std::uint64_t, std::uint8_t kind, attest::ByteView payload) {
    replay(kind, payload, identity);
  };
  journal_.emplace(storage::Journal::open(files, directory, {}, visitor));
  if (!chain_ && refused_) throw storage::Damage(*refused_);
  if (!chain_) {
    throw storage::Damage(attest::Fault::journal_missing, {}, "the journal holds no genesis");
  }
}

void AnchorJournal::replay(std::uint8_t kind, attest::ByteView payload,
                           const attest::TpmIdentity& identity) {
  const bool is_genesis = kind == static_cast<std::uint8_t>(attest::EntryKind::genesis);
  if (is_genesis || (!chain_ && !refused_)) {
    // An era that ended had another identity: its entries are not ours to judge.
    chain_.reset();
    newest_.reset();
    newest_remark_.reset();
    genesis_.assign(payload.begin(), payload.end());
    genesis_receipt_.clear();
    auto begun = attest::AnchorChain::begin(payload, identity);
    if (begun) {
      chain_ = std::move(*begun);
    } else {
      refused_ = begun.error();
    }
    return;
  }
  if (!chain_) return;
  const auto applied = chain_->apply(attest::EntryKind{kind}, payload);
  if (!applied) throw storage::Damage(applied.error());
  remember(*applied, payload);
}

attest::Result<attest::AnchorChain::Applied> AnchorJournal::add(attest::EntryKind kind,
                                                                attest::ByteView payload) {
  attest::AnchorChain next = *chain_;
  const auto applied = next.apply(kind, payload);
  if (!applied) return applied.error();
  const bool receipt = kind == attest::EntryKind::receipt;
  [[maybe_unused]] const bool quote =
      receipt && applied->receipt->kind() == attest::ReceiptKind::quote;
  if (receipt) FAILPOINT(quote ? "quote.Q4" : "anchor.A7");
  journal_->append(kind, payload);
  if (receipt) FAILPOINT(quote ? "quote.Q5" : "anchor.A8");
  chain_ = std::move(next);
  remember(*applied, payload);
  return applied;
}

void AnchorJournal::remark(attest::RemarkCode code, const std::string& text) {
  attest::Remark remark{code, now_ns(), chain_->seq(), text.substr(0, kMaxRemarkBytes)};
  const bool said =
      newest_remark_ && newest_remark_->code == code && newest_remark_->text == remark.text;
  // At every start the same: once is enough. (A foreign extend is a step of the chain each time.)
  if (said && code == attest::RemarkCode::stopped) return;
  const auto added = add(attest::EntryKind::remark, encode(remark));
  ENSURE(added.has_value());
}

void AnchorJournal::remember(const attest::AnchorChain::Applied& applied,
                             attest::ByteView payload) {
  if (applied.remark) newest_remark_ = applied.remark;
  if (applied.kind != attest::EntryKind::receipt) return;
  if (genesis_receipt_.empty()) genesis_receipt_.assign(payload.begin(), payload.end());
  if (chain_->seq() == 0) return;
  if (applied.receipt->kind() == attest::ReceiptKind::quote) return;
  newest_ = CounterAnchor{*chain_->newest_statement(), *attest::decode_receipt(payload)};
}

}  // namespace stele::daemon
