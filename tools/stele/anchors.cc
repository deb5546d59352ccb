#include "tools/stele/anchors.h"

#include <algorithm>

#include "attest/entry.h"
#include "attest/witness/cosigned_heads.h"
#include "storage/store_reader.h"
#include "storage/whole_file.h"
#include "tools/stele/command.h"

namespace stele::tools {
namespace {

using attest::EntryKind;

[[noreturn]] void fail_damaged(const attest::Defect& defect) {
  throw CommandError(kMalformed, "the journal is damaged (" + std::string(name(defect.fault)) +
                                     "): " + defect.detail + "; stele-verify says what it means");
}

template <class T>
T readable(attest::Result<T> result) {
  if (!result) fail_damaged(result.error());
  return std::move(result).value();
}

std::optional<StoredAnchor> first_anchor(
    const std::string& data, const std::function<bool(const attest::Statement&)>& wanted) {
  std::optional<StoredAnchor> found;
  visit_anchors(data, [&](const StoredAnchor& anchor) {
    if (!anchor.statement.is_quote() && wanted(anchor.statement)) found = anchor;
    return !found;
  });
  return found;
}

// As far as names go: the signature is the verifier's to judge.
bool is_signed_by_its_origin(const attest::CosignedHead& head) {
  const auto& lines = head.note.signatures;
  return std::any_of(lines.begin(), lines.end(), [&](const attest::NoteSignature& line) {
    return line.name == head.checkpoint.origin;
  });
}

}  // namespace

attest::Genesis newest_genesis(const std::string& data) {
  storage::EntryReader reader(storage::posix(), data);
  std::optional<attest::Genesis> newest;
  while (const auto entry = reader.next()) {
    if (entry->kind == static_cast<std::uint8_t>(EntryKind::genesis)) {
      newest = readable(attest::decode_genesis(entry->payload));
    }
  }
  if (reader.defect()) fail_damaged(*reader.defect());
  if (!newest)
    throw CommandError(kMalformed, "the journal holds no genesis; stele-verify says what it means");
  return *std::move(newest);
}

void visit_anchors(const std::string& data,
                   const std::function<bool(const StoredAnchor&)>& visitor) {
  storage::EntryReader reader(storage::posix(), data);
  std::optional<attest::Bytes> open;
  while (auto entry = reader.next()) {
    if (entry->kind == static_cast<std::uint8_t>(EntryKind::genesis)) {
      open.reset();  // an era ended with it
    } else if (entry->kind == static_cast<std::uint8_t>(EntryKind::intent)) {
      open = std::move(entry->payload);
    } else if (entry->kind == static_cast<std::uint8_t>(EntryKind::voided)) {
      open.reset();
    } else if (entry->kind == static_cast<std::uint8_t>(EntryKind::receipt) && open) {
      StoredAnchor anchor{*open, readable(attest::decode_statement(*open)),
                          readable(attest::decode_receipt(entry->payload))};
      open.reset();
      if (!visitor(anchor)) return;
    }
  }
  if (reader.defect()) fail_damaged(*reader.defect());
}

std::optional<StoredAnchor> find_anchor_over(const std::string& data, std::uint64_t index) {
  return first_anchor(data, [&](const attest::Statement& s) { return s.tree.size > index; });
}

std::optional<SignedAnchor> find_signed_anchor_over(const std::string& data, std::uint64_t index) {
  const auto text = storage::read_whole(storage::posix(), data + "/cosignatures",
                                        attest::kMaxCosignedBytes);
  const auto heads = attest::parse_cosigned_heads(text.value_or(std::string()));
  if (!heads) return std::nullopt;
  const attest::CosignedHead* signed_head = nullptr;
  auto anchor = first_anchor(data, [&](const attest::Statement& statement) {
    if (statement.tree.size <= index) return false;
    const auto found = std::find_if(heads->begin(), heads->end(), [&](const auto& head) {
      return head.checkpoint.tree == statement.tree && is_signed_by_its_origin(head);
    });
    if (found == heads->end()) return false;
    signed_head = &*found;
    return true;
  });
  if (!anchor) return std::nullopt;
  return SignedAnchor{*std::move(anchor), signed_head->note};
}

std::optional<StoredAnchor> find_anchor(const std::string& data, std::uint64_t seq) {
  // Numbers begin anew with an era: the newest era that has any anchor is asked.
  std::optional<StoredAnchor> found;
  std::uint32_t era = 0;
  visit_anchors(data, [&](const StoredAnchor& anchor) {
    if (anchor.statement.era != era) found.reset();
    era = anchor.statement.era;
    if (!anchor.statement.is_quote() && anchor.statement.seq == seq) found = anchor;
    return true;
  });
  return found;
}

}  // namespace stele::tools
