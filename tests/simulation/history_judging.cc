// How a history is judged after each step: the bytes by check_log, the log as a stranger would.
#include "attest/codec.h"
#include "storage/store_reader.h"
#include "tests/simulation/history.h"

namespace stele::test {

using attest::Hash;

void History::judge(const Judgement& judgement) {
  if (!judgement || violation_) return;
  violation_ = judgement;
  ++(judgement->wrong == Wrong::lost          ? counts_.lost
     : judgement->wrong == Wrong::false_alarm ? counts_.false_alarms
                                              : counts_.missed);
  if (counts_.first.empty()) counts_.first = judgement->what + "\n" + story();
}

// After each step: the bytes by who knows only the format, and the verdict.
void History::check() {
  // A store that refused a group for want of space may have left a file in the making.
  if (machine_.running() && !truth_.attacked && truth_.refused == 0) {
    const LogCheck found =
        check_log_of(machine_.trust.log_id, *machine_.files, kLog, truth_.records, truth_.entries);
    judge(truth_.judge_bytes(found));
    if (!disk_failed_) truth_.entries = found.payloads;
  }
  if (!violation_) appraise({}, {}, random(2) == 0, false);
}

attest::Report History::appraise(const std::optional<Hash>& nonce, const attest::Bytes& answer,
                                 bool with_memory, bool live) {
  ++counts_.verdicts;
  attest::Options options;
  options.trust = machine_.trust;
  options.nonce = nonce;
  if (with_memory) options.memory = truth_.memory;
  attest::Appraiser appraiser(options);
  if (!answer.empty()) appraiser.answer(answer);
  const MemoryFileSystem::Aside aside(*machine_.files);
  storage::present(*machine_.files, kLog, appraiser, 1, {});
  attest::Report report = appraiser.report();
  if (report.conclusion == attest::Conclusion::verified) ++counts_.verified;
  if (report.conclusion == attest::Conclusion::tampered) ++counts_.tampered;
  judge(truth_.judge(report, truth_.attacked ? presented_leaves() : std::vector<Hash>{}, live));
  if (!truth_.attacked && appraiser.memory()) truth_.memory = appraiser.memory();
  return report;
}

std::vector<Hash> History::presented_leaves() {
  const MemoryFileSystem::Aside aside(*machine_.files);
  std::vector<Hash> leaves;
  storage::GroupReader groups(*machine_.files, kLog);
  while (const storage::GroupReader::Group* const group = groups.next()) {
    for (const attest::RecordView& record : group->records)
      leaves.push_back(attest::leaf_hash(record.leaf));
  }
  return leaves;
}

// As far as the journal makes sense.
std::optional<attest::AnchorChain> History::presented_chain() {
  const MemoryFileSystem::Aside aside(*machine_.files);
  storage::EntryReader entries(*machine_.files, kLog);
  std::optional<attest::AnchorChain> chain;
  while (const auto entry = entries.next()) {
    if (!chain) {
      auto begun = attest::AnchorChain::begin(entry->payload, machine_.credentials.identity);
      if (!begun) return std::nullopt;
      chain = std::move(*begun);
    } else if (!chain->apply(attest::EntryKind{entry->kind}, entry->payload)) {
      break;
    }
  }
  return chain;
}

bool History::presents(const Hash& digest) {
  const MemoryFileSystem::Aside aside(*machine_.files);
  storage::EntryReader entries(*machine_.files, kLog);
  while (const auto entry = entries.next()) {
    const bool intent = entry->kind == static_cast<std::uint8_t>(attest::EntryKind::intent);
    if (intent && attest::statement_digest(entry->payload) == digest) return true;
  }
  return false;
}

// Whether C and E are what this journal leads to, or may have been left behind by its open intent.
bool History::fits(const attest::AnchorChain& chain) const {
  const std::uint64_t counter = machine_.tpm.counter();
  const Hash& extend = machine_.tpm.extend_value();
  if (counter == chain.counter() && extend == chain.extend()) return true;
  const auto& intent = chain.open_intent();
  if (!intent || intent->statement.is_quote() || counter != chain.counter() + 1) return false;
  return extend == chain.extend() || extend == intent->extend_after;
}

Hash History::fingerprint() {
  attest::Bytes all;
  for (const std::string& step : steps_) attest::Writer(all).bytes(attest::view(step));
  for (const std::string& entry : truth_.entries) attest::Writer(all).bytes(attest::view(entry));
  for (const Hash& leaf : presented_leaves()) attest::Writer(all).bytes(leaf.bytes);
  attest::Writer(all).u64(machine_.tpm.counter()).bytes(machine_.tpm.extend_value());
  return attest::hash(all);
}

}  // namespace stele::test
