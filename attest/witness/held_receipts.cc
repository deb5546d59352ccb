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
    if (identity) eras_.push_back({pins, *std::move(identity), false, {}, 0});
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

HeldReceipts::Era* HeldReceipts::find(const Hash& log_id) {
  const auto era = std::find_if(eras_.begin(), eras_.end(),
                                [&](const Era& one) { return one.pins.log_id == log_id; });
  return era == eras_.end() ? nullptr : &*era;
}

void HeldReceipts::presented(const Hash& log_id) {
  if (Era* const era = find(log_id)) era->presented = true;
}

void HeldReceipts::begins_behind(const Hash& log_id, std::uint64_t seq, const Hash& digest) {
  Era* const era = find(log_id);
  if (era == nullptr) return;
  era->presented = true;
  era->behind = era->newest = seq;
  const auto held = held_.find(digest);
  if (held != held_.end()) held->second.found = true;
}

void HeldReceipts::anchored(const Statement& statement, const Hash& digest) {
  if (Era* const era = find(statement.log_id)) era->newest = statement.seq;
  const auto held = held_.find(digest);
  if (held != held_.end()) held->second.found = true;
}

void HeldReceipts::finish(ReportDraft& draft, const GivenUp& given_up, Report& report) const {
  std::vector<std::uint64_t> unknown(eras_.size());
  for (const auto& [digest, held] : held_) {
    const Era& era = eras_[held.era];
    if (held.found || given_up(era.pins.log_id, held.seq)) continue;
    if (!era.presented || (era.behind && held.seq <= *era.behind)) {
      ++unknown[held.era];
    } else {
      missing(held, draft);
    }
  }
  for (std::size_t i = 0; i < eras_.size(); ++i) {
    if (unknown[i] > 0) not_compared(eras_[i], unknown[i], draft);
    report.held_not_compared += unknown[i];
  }
}

void HeldReceipts::missing(const Held& held, ReportDraft& draft) const {
  const Era& era = eras_[held.era];
  const std::string which =
      std::to_string(held.seq) + " of era " + std::to_string(era.pins.era);
  draft.defect({Fault::held_receipt_missing, Place::anchor(held.seq),
                held.seq > era.newest
                    ? "the TPM signed a receipt for anchor " + which +
                          ", which was handed out and is held; what is presented ends at anchor " +
                          std::to_string(era.newest)
                    : "the TPM signed a receipt for another anchor " + which +
                          " than is presented: it was handed out, and is held"});
}

void HeldReceipts::not_compared(const Era& era, std::uint64_t count, ReportDraft& draft) const {
  const std::string behind =
      era.behind ? ", up to the anchor " + std::to_string(*era.behind) +
                       " behind which the evidence begins: what came before is not shown"
                 : ": no anchor of that era is presented";
  draft.finding(Finding::held_receipt_not_compared, {},
                std::to_string(count) + " held receipts are of era " +
                    std::to_string(era.pins.era) + behind);
}

}  // namespace stele::attest
