#include "tools/stele/era_directory.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "attest/anchor_chain.h"
#include "attest/check.h"
#include "storage/journal.h"
#include "storage/store.h"
#include "storage/store_reader.h"
#include "tools/stele/command.h"
#include "tools/stele/log_directory.h"

namespace stele::tools {
namespace {

using attest::EntryKind;
using storage::posix;

constexpr std::string_view kPendingLine = "stele-era 1\ngenesis ";
constexpr std::string_view kReceiptKey = "\nreceipt ";

[[noreturn]] void fail_journal(const attest::Defect& defect) {
  throw CommandError(kMalformed, "the journal makes no sense (" + std::string(name(defect.fault)) +
                                     " " + defect.detail +
                                     "): no era ends here; stele-verify says more");
}

bool is_kind(std::uint8_t kind, EntryKind wanted) {
  return kind == static_cast<std::uint8_t>(wanted);
}

// The chain of the newest era, judged with the pins of the trust file.
attest::AnchorChain replay(const std::string& path, const attest::TrustPins& pins) {
  const auto identity = pins.identity();
  if (!identity) fail_journal(identity.error());
  std::optional<attest::AnchorChain> chain;
  storage::EntryReader entries(posix(), path);
  while (const auto entry = entries.next()) {
    if (is_kind(entry->kind, EntryKind::genesis)) {
      chain.reset();
      if (attest::log_id(entry->payload) != pins.log_id) continue;
      auto begun = attest::AnchorChain::begin(entry->payload, *identity);
      if (!begun) fail_journal(begun.error());
      chain = std::move(*begun);
    } else if (chain) {
      const auto applied = chain->apply(EntryKind{entry->kind}, entry->payload);
      if (!applied) fail_journal(applied.error());
    }
  }
  if (entries.defect()) fail_journal(*entries.defect());
  if (!chain || !chain->has_genesis_receipt()) {
    throw CommandError(kConfiguration,
                       path +
                           "/trust is not the trust file of the newest era in the journal: restore "
                           "it, or name the auditor's copy with --previous-trust");
  }
  return std::move(*chain);
}

std::uint64_t anchored_by_counter(const std::string& path, const attest::Hash& log_id) {
  std::uint64_t open = 0, anchored = 0;
  storage::EntryReader entries(posix(), path);
  while (const auto entry = entries.next()) {
    if (is_kind(entry->kind, EntryKind::intent)) {
      const auto statement = attest::decode_statement(entry->payload);
      const bool counts = statement && statement->log_id == log_id && !statement->is_quote();
      open = counts ? statement->tree.size : 0;
    } else if (is_kind(entry->kind, EntryKind::receipt)) {
      anchored = std::max(anchored, open);
    }
  }
  return anchored;
}

storage::NewRecord record_of(attest::Kind kind, attest::ByteView bytes) {
  storage::NewRecord record;
  record.kind = kind;
  record.time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  record.salt = random_bytes();
  record.bytes = bytes;
  return record;
}

void remove_if_there(const std::string& path) {
  if (posix().exists(path)) posix().remove(path);
}

}  // namespace

bool EraDirectory::lock() {
  if (!posix().exists(path_)) posix().create_directory(path_);
  lock_ = posix().lock(path_ + "/lock");
  return lock_ != nullptr;
}

bool EraDirectory::holds_store() const {
  return storage::looks_like_store(posix(), path_);
}

EndingEra EraDirectory::ending(const std::optional<std::string>& previous_trust, bool settle) {
  const std::optional<std::string> text =
      previous_trust ? previous_trust : read_if_there(path_ + "/trust");
  if (!text) {
    throw CommandError(kNoInput, "there is no " + path_ +
                                     "/trust: name the auditor's copy of the era's trust file with "
                                     "--previous-trust");
  }
  auto trust = attest::parse_trust(*text);
  if (!trust) {
    throw CommandError(
        kMalformed, "the trust file of the era that ends cannot be read: " + trust.error().detail);
  }
  EndingEra ending;
  ending.trust = std::move(*trust);
  if (ending.trust.era >= attest::kMaxEra) {
    throw CommandError(kConfiguration,
                       "this log has had all the eras that a trust file can list: "
                       "provision another log");
  }
  if (!holds_store()) {
    ending.end.extend = ending.trust.first_extend;
    ending.tree = attest::CompactRange{}.head();
    return ending;
  }
  // Torn ends are cut before anything is built on what is left.
  if (settle) storage::Journal::open(posix(), path_, {}, [](auto, auto, auto) {});
  const attest::AnchorChain chain = replay(path_, ending.trust);
  storage::StoreOptions options;
  options.anchored_size = chain.tree_size();
  storage::Store store = settle ? storage::Store::open(posix(), path_, options)
                                : storage::Store::open_for_reading(posix(), path_);
  if (store.log_id() != chain.log_id()) {
    throw CommandError(kConfiguration, path_ +
                                           " holds the segments of one log and the journal of "
                                           "another: put back the files that belong together");
  }
  if (settle) {
    store.close_segment(record_of(attest::Kind::note, attest::view("{\"note\":\"era_end\"}")));
  }
  ending.end.seq = chain.seq();
  ending.end.extend = chain.extend();
  ending.tree = store.head();
  ending.anchored = anchored_by_counter(path_, chain.log_id());
  return ending;
}

std::optional<attest::Bytes> EraDirectory::newest_genesis() const {
  std::optional<attest::Bytes> newest;
  if (!posix().exists(path_ + "/journal")) return newest;
  storage::EntryReader entries(posix(), path_);
  while (auto entry = entries.next()) {
    if (is_kind(entry->kind, EntryKind::genesis)) newest = std::move(entry->payload);
  }
  return newest;
}

std::optional<std::string> EraDirectory::secrets() const {
  return read_if_there(path_ + "/secrets");
}
std::optional<std::string> EraDirectory::next_secrets() const {
  return read_if_there(path_ + "/era-secrets");
}
std::optional<std::string> EraDirectory::ended_secrets() const {
  return read_if_there(path_ + "/ended-secrets");
}

std::optional<EraDirectory::Pending> EraDirectory::pending() const {
  const auto text = read_if_there(path_ + "/era");
  if (!text) return std::nullopt;
  const std::string_view rest(*text);
  const std::size_t receipt = rest.find(kReceiptKey);
  if (!rest.starts_with(kPendingLine) || receipt == rest.npos || !rest.ends_with('\n')) {
    throw CommandError(kConfiguration, path_ +
                                           "/era cannot be read: `stele era begin --abandon` "
                                           "drops the attempt it is of");
  }
  const auto genesis =
      attest::from_hex(rest.substr(kPendingLine.size(), receipt - kPendingLine.size()));
  std::string_view value = rest.substr(receipt + kReceiptKey.size());
  value.remove_suffix(1);
  Pending pending{genesis.value_or(attest::Bytes{}), std::nullopt};
  if (value != "none") pending.receipt = attest::from_hex(value);
  if (!attest::decode_genesis(pending.genesis)) {
    throw CommandError(kConfiguration, path_ +
                                           "/era holds no genesis: `stele era begin --abandon` "
                                           "drops the attempt it is of");
  }
  return pending;
}

void EraDirectory::keep_next_secrets(const std::string& text) {
  write_text_file(path_ + "/era-secrets", text);
}

void EraDirectory::keep_pending(const Pending& pending) {
  write_text_file(path_ + "/era",
                  std::string(kPendingLine) + attest::to_hex(pending.genesis) +
                      std::string(kReceiptKey) +
                      (pending.receipt ? attest::to_hex(*pending.receipt) : "none") + "\n");
}

void EraDirectory::abandon() {
  remove_if_there(path_ + "/era");
  remove_if_there(path_ + "/era-secrets");
  posix().sync_directory(path_);
}

bool EraDirectory::is_published(const Pending& pending) const {
  return newest_genesis() == pending.genesis;
}

void EraDirectory::publish(const Pending& pending, const std::string& trust) {
  const auto genesis = attest::decode_genesis(pending.genesis);
  ENSURE(genesis && pending.receipt && lock_ != nullptr);
  const attest::Hash log_id = attest::log_id(pending.genesis);
  publish_journal(pending, log_id);
  publish_records(pending, *genesis, log_id);
  keep_trust(trust);
  publish_secrets();
  remove_if_there(path_ + "/era");
  posix().sync_directory(path_);
}

void EraDirectory::publish_journal(const Pending& pending, const attest::Hash& log_id) {
  if (!posix().exists(path_ + "/journal")) {
    storage::Journal::create(posix(), path_, log_id, pending.genesis);
  }
  bool begun = false, receipt_there = false;
  storage::Journal journal = storage::Journal::open(
      posix(), path_, {}, [&](std::uint64_t, std::uint8_t kind, attest::ByteView payload) {
        receipt_there = receipt_there || (begun && is_kind(kind, EntryKind::receipt));
        begun = begun || attest::Bytes(payload.begin(), payload.end()) == pending.genesis;
      });
  if (!begun) journal.begin_era(log_id, pending.genesis);
  if (!receipt_there) journal.append(EntryKind::receipt, *pending.receipt);
}

void EraDirectory::publish_records(const Pending& pending, const attest::Genesis& genesis,
                                   const attest::Hash& log_id) {
  const std::string segments = path_ + "/segments";
  if (genesis.previous_tree.size == 0) {
    const bool made = posix().exists(segments) && !posix().list(segments).empty();
    if (made) return;
    storage::Store::create(posix(), path_, log_id, genesis.era,
                           record_of(attest::Kind::genesis, pending.genesis));
    return;
  }
  if (storage::Store::open_for_reading(posix(), path_).log_id() == log_id) return;
  storage::Store::begin_era(posix(), path_, {}, log_id, genesis.era,
                            record_of(attest::Kind::era, pending.genesis));
}

// What opens the ended era's objects is kept before it is replaced.
void EraDirectory::publish_secrets() {
  if (!next_secrets()) return;
  if (const auto old = secrets()) write_text_file(path_ + "/ended-secrets", *old);
  posix().rename(path_ + "/era-secrets", path_ + "/secrets");
  posix().sync_directory(path_);
}

std::string EraDirectory::trust() const {
  return read_text_file(path_ + "/trust");
}

void EraDirectory::keep_trust(const std::string& text) {
  write_text_file(path_ + "/trust", text);
}

std::uint64_t EraDirectory::keep_access(const std::string& text) {
  ENSURE(lock_ != nullptr);
  storage::Store store = storage::Store::open(posix(), path_, {});
  const storage::NewRecord record = record_of(attest::Kind::access, attest::view(text));
  const std::uint64_t index = store.head().size;
  store.append(std::span(&record, 1));
  return index;
}

void EraDirectory::forget_ended() {
  remove_if_there(path_ + "/ended-secrets");
  posix().sync_directory(path_);
}

}  // namespace stele::tools
