#include "tests/tamper/stored_log.h"

#include <stdexcept>

#include "attest/codec.h"
#include "attest/entry.h"

namespace stele::test {

using attest::Bytes;
using attest::EntryKind;
using attest::Hash;
using attest::Kind;

namespace {

// 2026-11-23T08:00:00Z
constexpr std::int64_t kMoment = 1'795'420'800'000'000'000;
constexpr std::uint64_t kSourceIndex = 1;  // the record after the genesis describes the sender

Hash numbered_salt(std::uint64_t number) {
  Bytes bytes;
  attest::Writer(bytes).u64(number);
  return attest::hash({attest::view("paper salt"), bytes});
}

template <class Array>
Bytes to_bytes(const Array& array) {
  return Bytes(array.begin(), array.end());
}

}  // namespace

StoredLog::StoredLog(const std::string& directory, StoredLogOptions options)
    : options_(std::move(options)), base_(tpm.run) {
  attest::Genesis genesis;
  genesis.mode = options_.mode;
  genesis.pcr = tpm.identity().pcr;
  genesis.salt = attest::hash(attest::view(directory));
  genesis.ak_name = tpm.identity().ak.name();
  genesis.counter_name = tpm.identity().counter_name;
  genesis.extend_name = tpm.identity().extend_name;
  genesis.created_ns = now_ns();
  genesis.origin = options_.origin;
  genesis_ = attest::encode(genesis);
  tpm.provision(genesis_);
  first_counter_ = tpm.counter;
  const Hash log_id = attest::log_id(genesis_);
  storage::FileSystem& files = storage::posix();
  storage::NewRecord record;
  record.kind = Kind::genesis;
  record.time_ns = now_ns();
  record.salt = numbered_salt(salts_++);
  record.bytes = genesis_;
  storage::Store::create(files, directory, log_id, genesis.era, record);
  storage::Journal::create(files, directory, log_id, genesis_);
  store_.emplace(storage::Store::open(files, directory, options_.store));
  journal_.emplace(storage::Journal::open(files, directory, options_.journal,
                                          [](std::uint64_t, std::uint8_t, attest::ByteView) {}));
  chain_.emplace(attest::AnchorChain::begin(genesis_, tpm.identity()).value());
  enter(EntryKind::receipt, attest::encode(tpm.genesis_receipt(genesis_)));
  append_record(Kind::source, {R"({"transport":"unix","uid":0})"});
}

std::int64_t StoredLog::now_ns() const {
  return kMoment + static_cast<std::int64_t>(tpm.clock_ms) * 1'000'000;
}

void StoredLog::append_record(Kind kind, const std::vector<std::string>& contents) {
  std::vector<storage::NewRecord> records;
  for (const std::string& content : contents) {
    storage::NewRecord record;
    record.kind = kind;
    record.time_ns = now_ns();
    record.source = kind == Kind::event ? kSourceIndex : attest::kNoSource;
    record.salt = numbered_salt(salts_++);
    record.bytes = attest::view(content);
    records.push_back(record);
  }
  store_->append(records);
}

void StoredLog::append(const std::vector<std::string>& events) { append_record(Kind::event, events); }

void StoredLog::append(Kind kind, const std::string& content) { append_record(kind, {content}); }

void StoredLog::enter(EntryKind kind, const Bytes& payload) {
  const auto applied = chain_->apply(kind, payload);
  if (!applied) throw std::logic_error("the chain refuses its own entry: " + applied.error().detail);
  journal_->append(kind, payload);
}

void StoredLog::boot() {
  enter(EntryKind::bundle, attest::encode(tpm.bundle({++boots_})));
}

void StoredLog::boot(const Hash& event_log, std::uint64_t bytes) {
  attest::Bundle bundle = tpm.bundle({++boots_});
  bundle.event_log_hash = event_log;
  bundle.event_log_bytes = bytes;
  enter(EntryKind::bundle, attest::encode(bundle));
}

void StoredLog::counter_anchor(std::uint16_t flags) {
  const attest::Statement statement = chain_->next_counter(store_->head(), now_ns(), flags);
  enter(EntryKind::intent, to_bytes(attest::encode(statement)));
  tpm.extend_pcr(attest::statement_digest(attest::encode(statement)));
  enter(EntryKind::receipt, attest::encode(tpm.full_anchor(statement)));
}

void StoredLog::quote_anchor() {
  const attest::Statement statement = chain_->next_quote(store_->head(), now_ns());
  const Hash digest = attest::statement_digest(attest::encode(statement));
  enter(EntryKind::intent, to_bytes(attest::encode(statement)));
  tpm.extend_pcr(digest);
  enter(EntryKind::receipt, attest::encode(tpm.quote_receipt(digest)));
}

Bytes StoredLog::answer(const Hash& nonce) const {
  attest::Answer answer;
  answer.nonce = nonce;
  answer.log_id = chain_->log_id();
  answer.seq = chain_->newest_statement()->seq;
  answer.quote_seq = chain_->newest_statement()->quote_seq;
  answer.digest = chain_->newest_digest();
  answer.tree_size = chain_->tree_size();
  tpm.answer(answer);
  return attest::encode(answer);
}

attest::TrustFile StoredLog::trust() const {
  attest::TrustFile trust;
  trust.origin = options_.origin;
  trust.log_id = chain_->log_id();
  trust.mode = options_.mode;
  trust.ak = tpm.identity().ak.encoded();
  trust.counter_name = tpm.identity().counter_name;
  trust.extend_name = tpm.identity().extend_name;
  trust.pcr = tpm.identity().pcr;
  trust.first_counter = first_counter_;
  trust.first_extend = attest::first_extend(genesis_);
  trust.base_reset = base_.reset;
  trust.base_restart = base_.restart;
  trust.base_firmware = tpm.firmware;
  trust.tpm_kind = attest::TpmKind::simulator;
  trust.tpm_manufacturer = "PAPR";
  trust.tpm_model = "paper";
  return trust;
}

}  // namespace stele::test
