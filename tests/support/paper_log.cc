#include "tests/support/paper_log.h"

#include <algorithm>

#include "attest/codec.h"
#include "attest/era.h"

namespace stele::test {

using attest::Bytes;
using attest::EntryKind;
using attest::Hash;

PaperLog::PaperLog(attest::Mode mode) {
  trust.mode = mode;
  begin({}, attest::Kind::genesis);
}

void PaperLog::begin(attest::Genesis genesis, attest::Kind kind) {
  const attest::TpmIdentity& identity = tpm.identity();
  genesis.mode = trust.mode;
  genesis.pcr = identity.pcr;
  genesis.salt = attest::hash(attest::view("salt"));
  genesis.ak_name = identity.ak.name();
  genesis.counter_name = identity.counter_name;
  genesis.extend_name = identity.extend_name;
  genesis.created_ns = now_ns;
  genesis.origin = "paper.example/log";
  const Bytes bytes = encode(genesis);
  tpm.provision(bytes);

  trust.origin = genesis.origin;
  trust.log_id = attest::log_id(bytes);
  trust.era = genesis.era;
  trust.ak = identity.ak.encoded();
  trust.counter_name = identity.counter_name;
  trust.extend_name = identity.extend_name;
  trust.pcr = identity.pcr;
  trust.first_counter = tpm.counter;
  trust.first_extend = tpm.extend;
  trust.base_reset = tpm.run.reset;
  trust.base_restart = tpm.run.restart;
  trust.base_firmware = tpm.firmware;
  trust.tpm_kind = attest::TpmKind::discrete;
  trust.tpm_manufacturer = "PPR";
  trust.tpm_model = "paper";

  raw(EntryKind::genesis, bytes);
  chain = attest::AnchorChain::begin(bytes, identity).value();
  record(kind, std::string(bytes.begin(), bytes.end()));
  append(EntryKind::receipt, encode(tpm.genesis_receipt(bytes)));
}

void PaperLog::begin_era(PaperTpm next, const std::optional<Hash>& nonce, std::uint64_t lost) {
  attest::EraEnd end{chain->seq(), chain->extend(), std::nullopt};
  attest::Genesis genesis;
  genesis.era = trust.era + 1;
  genesis.previous_log_id = trust.log_id;
  genesis.previous_tree = head();
  if (nonce) {
    const Hash session = attest::read_session_digest(tpm.identity(), tpm.counter, tpm.extend);
    const Hash extra_data =
        attest::era_end_extra_data(*nonce, trust.log_id, end.seq, end.extend, genesis.previous_tree);
    end.shown = attest::EraEnd::Shown{*nonce, tpm.audit(session, extra_data)};
  }
  genesis.tlvs = attest::era_end_tlvs(end);
  trust.earlier.insert(trust.earlier.begin(),
                       attest::EarlierEra{trust, end.seq, end.extend, records.size(), lost});
  tpm = std::move(next);
  begin(std::move(genesis), records.empty() ? attest::Kind::genesis : attest::Kind::era);
}

void PaperLog::pass(std::int64_t milliseconds) {
  now_ns += milliseconds * 1'000'000;
  tpm.clock_ms += static_cast<std::uint64_t>(milliseconds);
}

std::uint64_t PaperLog::record(attest::Kind kind, std::string_view bytes, std::uint64_t source) {
  Record record;
  Bytes index;
  attest::Writer(index).u64(records.size());
  record.salt = attest::hash(index);
  record.bytes.assign(bytes.begin(), bytes.end());
  attest::Leaf leaf{kind, now_ns, source, attest::commit({record.salt, record.tlvs, record.bytes})};
  const auto encoded = encode(leaf);
  record.leaf.assign(encoded.begin(), encoded.end());
  records.push_back(std::move(record));
  return records.size() - 1;
}

void PaperLog::events(int count) {
  for (int i = 0; i < count; ++i) {
    pass(100);
    record(attest::Kind::event, "event " + std::to_string(records.size()));
  }
}

attest::TreeHead PaperLog::head() const {
  attest::CompactRange tree;
  for (const Record& record : records) tree.append(attest::leaf_hash(record.leaf));
  return tree.head();
}

void PaperLog::raw(EntryKind kind, Bytes payload) {
  entries.push_back({static_cast<std::uint8_t>(kind), std::move(payload)});
}

void PaperLog::append(EntryKind kind, Bytes payload) {
  chain->apply(kind, payload).value();
  raw(kind, std::move(payload));
}

void PaperLog::replay() {
  chain = attest::AnchorChain::begin(entries.front().payload, tpm.identity()).value();
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (!chain->apply(static_cast<EntryKind>(entries[i].kind), entries[i].payload)) break;
  }
}

void PaperLog::bundle() {
  append(EntryKind::bundle, encode(tpm.bundle(boot_id)));
}

attest::Statement PaperLog::intent(const attest::Statement& statement) {
  const auto encoded = encode(statement);
  append(EntryKind::intent, {encoded.begin(), encoded.end()});
  tpm.extend_pcr(attest::statement_digest(encoded));
  return statement;
}

void PaperLog::receipt(const attest::Receipt& receipt) {
  append(EntryKind::receipt, encode(receipt));
}

void PaperLog::voided(attest::VoidReason reason) {
  append(EntryKind::voided, encode(attest::Voided{reason, chain->open_intent()->digest}));
}

void PaperLog::remark(attest::RemarkCode code, std::string text) {
  append(EntryKind::remark, encode(attest::Remark{code, now_ns, chain->seq(), std::move(text)}));
}

attest::Statement PaperLog::open_counter(std::uint16_t flags) {
  return intent(chain->next_counter(head(), now_ns, flags));
}

attest::Statement PaperLog::open_quote() {
  return intent(chain->next_quote(head(), now_ns));
}

void PaperLog::counter(std::uint16_t flags) {
  pass(10);
  receipt(tpm.full_anchor(open_counter(flags)));
}

void PaperLog::quote() {
  pass(10);
  const attest::Statement statement = open_quote();
  receipt(tpm.quote_receipt(attest::statement_digest(encode(statement))));
}

void PaperLog::start() {
  pass(10);
  bundle();
  counter();
}

void PaperLog::boot() {
  tpm.reset();
  boot_id[0] = static_cast<std::uint8_t>(boot_id[0] + 1);
  pass(1000);
}

void PaperLog::read_back_open(bool with_quote) {
  const attest::OpenIntent open = *chain->open_intent();
  if (tpm.counter != open.statement.counter) tpm.increment();
  if (tpm.extend != open.extend_after) tpm.extend_index(open.digest);
  receipt(tpm.read_back(open.digest, with_quote));
}

Bytes PaperLog::answer(const Hash& nonce) {
  quote();
  const attest::Statement& newest = *chain->newest_statement();
  attest::Answer answer;
  answer.nonce = nonce;
  answer.log_id = chain->log_id();
  answer.seq = newest.seq;
  answer.quote_seq = newest.quote_seq;
  answer.digest = chain->newest_digest();
  answer.tree_size = newest.tree.size;
  tpm.answer(answer);
  return encode(answer);
}

void PaperLog::present(attest::Appraiser& appraiser) const {
  const auto give = [&](std::uint64_t size) {
    for (std::uint64_t i = appraiser.size(); i < std::min<std::uint64_t>(size, records.size());
         ++i) {
      const Record& r = records[i];
      const attest::CheckedRecord checked =
          attest::check_record(i, {r.leaf, r.state, {r.salt, r.tlvs, r.bytes}});
      appraiser.records(std::span(&checked, 1));
    }
  };
  for (const Entry& entry : entries) {
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::intent)) {
      const auto statement = attest::decode_statement(entry.payload);
      if (statement) give(statement->tree.size);
    } else if (entry.kind == static_cast<std::uint8_t>(EntryKind::genesis)) {
      const auto genesis = attest::decode_genesis(entry.payload);
      if (genesis) give(genesis->previous_tree.size);
    }
    attest::BootLogs logs;
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::bundle)) {
      const auto bundle = attest::decode_bundle(entry.payload);
      const auto kept = [&](const Hash& named) -> std::optional<attest::ByteView> {
        const auto found = boot_logs.find(named);
        if (found == boot_logs.end()) return std::nullopt;
        return attest::ByteView(found->second);
      };
      if (bundle) logs = {kept(bundle->event_log_hash), kept(bundle->ima_hash)};
    }
    appraiser.entry(entry.kind, entry.payload, logs);
  }
  give(records.size());
}

attest::Report PaperLog::appraise(attest::Options options, const Bytes& answer) const {
  attest::Appraiser appraiser(std::move(options));
  if (!answer.empty()) appraiser.answer(answer);
  present(appraiser);
  return appraiser.report();
}

attest::Report PaperLog::appraise() const {
  attest::Options options;
  options.trust = trust;
  return appraise(std::move(options));
}

PaperLog lived(attest::Mode mode) {
  PaperLog log(mode);
  log.start();
  log.events(3);
  log.quote();
  log.events(2);
  log.quote();
  log.counter(attest::kFinalOfShutdown);
  log.boot();
  log.start();
  log.events(2);
  log.counter();
  log.events(2);
  log.quote();
  log.events(2);
  return log;
}

attest::Options trusting(const PaperLog& log) {
  attest::Options options;
  options.trust = log.trust;
  return options;
}

bool has(const attest::Report& report, attest::Fault fault) {
  return std::any_of(report.defects.begin(), report.defects.end(),
                     [&](const attest::Defect& defect) { return defect.fault == fault; });
}

bool has(const attest::Report& report, attest::Finding finding) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const attest::FindingAt& found) { return found.finding == finding; });
}

}  // namespace stele::test
