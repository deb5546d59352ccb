#include "daemon/outward/journal_receipts.h"

#include <utility>

#include "attest/decimal.h"
#include "attest/entry.h"
#include "attest/genesis.h"
#include "daemon/journal_files.h"

namespace stele::daemon {
namespace {

using attest::EntryKind;

constexpr std::string_view kBegin = "stele-pushed 1 ";

}  // namespace

std::string to_text(const PushedThrough& through) {
  return std::string(kBegin) + attest::to_hex(through.log_id) + " " + std::to_string(through.seq) +
         "\n";
}

std::optional<PushedThrough> parse_pushed_through(std::string_view text) {
  if (!text.starts_with(kBegin) || !text.ends_with('\n')) return std::nullopt;
  text.remove_prefix(kBegin.size());
  text.remove_suffix(1);
  const std::size_t space = text.find(' ');
  if (space == text.npos) return std::nullopt;
  const auto log_id = attest::hash_from_hex(text.substr(0, space));
  const auto seq = attest::parse_decimal(text.substr(space + 1));
  if (!log_id || !seq) return std::nullopt;
  return PushedThrough{*log_id, *seq};
}

JournalReceipts::JournalReceipts(const std::string& directory, std::optional<PushedThrough> after)
    : after_(std::move(after)) {
  storage::FileSystem& files = storage::posix();
  const std::uint64_t first =
      after_ ? file_before(files, directory, after_->log_id, after_->seq) : 0;
  entries_.emplace(files, directory, first);
  era_seen_ = first > 0;  // that file is of it
  if (after_ && !era_seen_ && !era_is_there(directory, after_->log_id)) after_.reset();
  in_later_era_ = !after_;
}

bool JournalReceipts::era_is_there(const std::string& directory, const attest::Hash& log_id) const {
  storage::EntryReader entries(storage::posix(), directory);
  while (const auto entry = entries.next()) {
    const bool begins = entry->kind == static_cast<std::uint8_t>(EntryKind::genesis);
    if (begins && attest::log_id(entry->payload) == log_id) return true;
  }
  return false;
}

std::optional<attest::PushedAnchor> JournalReceipts::next() {
  while (auto anchor = next_of_all()) {
    if (in_later_era_) return anchor;
    if (anchor->statement.log_id != after_->log_id) continue;
    if (anchor->statement.seq > after_->seq) return anchor;
  }
  return std::nullopt;
}

std::optional<attest::PushedAnchor> JournalReceipts::next_of_all() {
  while (auto entry = entries_->next()) {
    switch (EntryKind{entry->kind}) {
      case EntryKind::genesis: {
        const bool begins_era = after_ && attest::log_id(entry->payload) == after_->log_id;
        in_later_era_ = in_later_era_ || (era_seen_ && !begins_era);
        era_seen_ = era_seen_ || begins_era;
        open_.reset();
        break;
      }
      case EntryKind::intent:
        if (auto statement = attest::decode_statement(entry->payload)) open_ = *statement;
        break;
      case EntryKind::voided:
        open_.reset();
        break;
      case EntryKind::receipt: {
        auto receipt = attest::decode_receipt(entry->payload);
        const bool counts = open_ && !open_->is_quote() && receipt;
        const auto statement = std::exchange(open_, std::nullopt);
        if (counts) return attest::PushedAnchor{*statement, *std::move(receipt)};
        break;
      }
      default:
        break;
    }
  }
  return std::nullopt;
}

}  // namespace stele::daemon
