#include "attest/witness/held_receipts.h"

#include <algorithm>

namespace stele::attest {
namespace {

Hash digest_of(const Statement& statement) {
  return statement_digest(encode(statement));
}

}  // namespace

HeldReceipts::HeldReceipts(const TrustFile& trust) {
  const auto add = [this](const TrustPins& pins) {
    auto identity = pins.identity();
    if (identity) eras_.push_back({pins, *std::move(identity), false});
  };
  add(trust);
  for (const EarlierEra& era : trust.earlier) add(era.pins);
}

void HeldReceipts::take(std::string_view line, std::uint64_t number, ReportDraft& draft) {
  const auto refuse = [&](const std::string& why) {
    draft.finding(Finding::held_receipt_invalid, Place::line(number), why);
  };
  const auto pushed = parse_pushed(line);
  if (!pushed)
    return refuse(std::string(name(pushed.error().fault)) + ": " + pushed.error().detail);
  const auto* anchor = std::get_if<PushedAnchor>(&*pushed);
  if (anchor == nullptr || anchor->statement.is_quote()) return;
  const auto era = std::find_if(eras_.begin(), eras_.end(), [&](const auto& one) {
    return one.pins.log_id == anchor->statement.log_id;
  });
  if (era == eras_.end()) return;  // another log's: one place may hold those of many
  const Statement& statement = anchor->statement;
  const Hash digest = digest_of(statement);
  const auto verified = verify_receipt(anchor->receipt, era->identity, digest, statement.counter,
                                       extended(statement.prev_extend, digest));
  if (!verified) return refuse("its receipt: " + std::string(name(verified.error().fault)));
  const auto number_of_era = static_cast<std::size_t>(era - eras_.begin());
  held_.emplace(digest, Held{number_of_era, statement.seq, false});
}

void HeldReceipts::presented(const Hash& log_id) {
  for (Era& era : eras_) era.presented = era.presented || era.pins.log_id == log_id;
}

void HeldReceipts::anchored(const Hash& digest) {
  const auto held = held_.find(digest);
  if (held != held_.end()) held->second.found = true;
}

void HeldReceipts::missing(const Held& held, ReportDraft& draft) const {
  draft.defect({Fault::held_receipt_missing, Place::anchor(held.seq),
                "the TPM signed a receipt for another anchor " + std::to_string(held.seq) +
                    " of era " + std::to_string(eras_[held.era].pins.era) +
                    ", or for one that is not presented: it was handed out, and is held"});
}

}  // namespace stele::attest
