#include "attest/evidence/appraise.h"

#include <algorithm>

#include "attest/bundle.h"
#include "attest/checkpoint.h"
#include "attest/entry.h"

namespace stele::attest {
namespace {

// Enough for the hashes of many at once to pay.
constexpr std::size_t kRecordsAtOnce = 1u << 12;

// Whether the owner of this key is said to have signed it. A text that is certainly not his is a
// claim like any other, and shows nothing.
bool may_be_signed_by(std::string_view text, std::string_view auditor_key) {
  if (text.find("\n\n") == text.npos) return false;
  const auto note = parse_note(text);
  const auto key = parse_note_key(auditor_key);
  if (!note || !key) return true;  // parse_trust says what is wrong
  return std::any_of(note->signatures.begin(), note->signatures.end(),
                     [&](const NoteSignature& signature) {
                       return signature.name == key->name && signature.key_hash == key->key_hash;
                     });
}

}  // namespace

struct EvidenceAppraiser::State {
  explicit State(EvidenceOptions given) : options(std::move(given)) {}

  void take(const EvidencePart& part);
  void take(const TrustPart& part);
  void take(const AnswerPart& part);
  void take(const HeadsPart& part);
  void take(const StartPart& part);
  void take(const EarlierPart& part);
  void take(const EntryPart& part);
  void take(const RecordPart& part);
  void take(const ElidedPart& part);
  void take(const LogPart& part);
  void take(const EndPart&) {}
  void check_waiting();
  void judge_boot();
  Appraiser& judge();

  EvidenceOptions options;
  EvidenceDecoder decoder;
  std::optional<Bytes> given_answer;
  std::optional<std::string> given_heads;
  std::function<void(const HeldLine&)> held_lines;
  std::optional<Appraiser> appraiser;  // once the trust is known
  std::vector<RecordView> waiting;     // views into the decoder
  std::vector<CheckedRecord> checked;
  std::uint64_t shown = 0;
  std::optional<Held::Since> since;
  struct Boot {
    Bytes bundle;
    std::optional<Bytes> event_log, measurements;
  };
  std::optional<Boot> boot;  // an entry that logs may follow
};

Appraiser& EvidenceAppraiser::State::judge() {
  if (!appraiser) {
    appraiser.emplace(options, Presented::bundle);
    if (given_answer) appraiser->answer(*given_answer);
    if (given_heads) appraiser->cosignatures(*given_heads);
    if (held_lines) {
      held_lines([this](std::string_view line, std::uint64_t number) {
        appraiser->held_receipt(line, number);
      });
    }
  }
  return *appraiser;
}

void EvidenceAppraiser::State::take(const EvidencePart& part) {
  const bool is_record = std::holds_alternative<RecordPart>(part);
  if (!is_record || waiting.size() == kRecordsAtOnce) check_waiting();
  if (!std::holds_alternative<LogPart>(part)) judge_boot();
  std::visit([this](const auto& which) { take(which); }, part);
}

void EvidenceAppraiser::State::take(const TrustPart& part) {
  if (options.trust || options.auditor_key.empty()) return;
  const std::string_view text(reinterpret_cast<const char*>(part.text.data()), part.text.size());
  options.trust_unsigned = !may_be_signed_by(text, options.auditor_key);
  if (options.trust_unsigned) return;
  auto trust = parse_trust(text, options.auditor_key);
  if (!trust) return judge().damaged(trust.error());
  options.trust = std::move(*trust);
  options.eras_approved = true;
}

void EvidenceAppraiser::State::take(const AnswerPart& part) {
  if (!given_answer) judge().answer(part.bytes);
}

void EvidenceAppraiser::State::take(const HeadsPart& part) {
  if (given_heads) return;
  judge().cosignatures({reinterpret_cast<const char*>(part.text.data()), part.text.size()});
}

void EvidenceAppraiser::State::take(const StartPart& part) {
  judge().begin_behind(part.log_id, part.digest, part.tree);
  since.emplace();
  since->size = part.tree.size();
  // Not from the host: it names but d.
  if (options.memory && options.memory->digest == part.digest) {
    since->seq = options.memory->seq;
    since->quote_seq = options.memory->quote_seq;
  }
}

void EvidenceAppraiser::State::take(const EarlierPart& part) {
  ++shown;
  judge().earlier(part.index, check_record(part.index, part.record), part.path);
}

void EvidenceAppraiser::State::take(const EntryPart& part) {
  if (part.kind != static_cast<std::uint8_t>(EntryKind::bundle)) {
    return judge().entry(part.kind, part.payload);
  }
  boot.emplace(Boot{Bytes(part.payload.begin(), part.payload.end()), {}, {}});
}

// A boot bundle is judged together with the logs behind it.
void EvidenceAppraiser::State::judge_boot() {
  if (!boot) return;
  const Boot whole = *std::exchange(boot, std::nullopt);
  BootLogs logs;
  logs.may_be_left_out = true;
  if (whole.event_log) logs.event_log = *whole.event_log;
  if (whole.measurements) logs.measurements = *whole.measurements;
  judge().entry(static_cast<std::uint8_t>(EntryKind::bundle), whole.bundle, logs);
}

void EvidenceAppraiser::State::take(const RecordPart& part) {
  judge();
  waiting.push_back(part.record);
}

void EvidenceAppraiser::State::check_waiting() {
  if (waiting.empty()) return;
  checked.assign(waiting.size(), {});
  check_records(judge().size(), waiting, checked);
  judge().records(checked);
  shown += waiting.size();
  waiting.clear();
}

void EvidenceAppraiser::State::take(const ElidedPart& part) {
  judge().elided(part.end, part.roots);
}

// The event log, then the IMA list; each may be left out.
void EvidenceAppraiser::State::take(const LogPart& part) {
  const auto named = boot ? decode_bundle(boot->bundle)
                          : Result<Bundle>(Defect(Fault::bundle_mismatch, {}, ""));
  const Hash its_hash = hash(part.bytes);
  const Bytes bytes(part.bytes.begin(), part.bytes.end());
  if (named && named->event_log_bytes > 0 && named->event_log_hash == its_hash &&
      !boot->event_log && !boot->measurements) {
    boot->event_log = bytes;
  } else if (named && named->ima_bytes > 0 && named->ima_hash == its_hash && !boot->measurements) {
    boot->measurements = bytes;
  } else {
    judge().damaged(
        {Fault::bundle_mismatch, {}, "a log that the boot bundle before it does not name"});
  }
}

EvidenceAppraiser::EvidenceAppraiser(EvidenceOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
EvidenceAppraiser::~EvidenceAppraiser() = default;

void EvidenceAppraiser::answer(ByteView bytes) {
  state_->given_answer.emplace(bytes.begin(), bytes.end());
}

void EvidenceAppraiser::cosignatures(std::string text) { state_->given_heads = std::move(text); }

void EvidenceAppraiser::held_receipts(std::function<void(const HeldLine&)> lines) {
  state_->held_lines = std::move(lines);
}

void EvidenceAppraiser::feed(ByteView bytes) {
  state_->decoder.feed(bytes);
  while (const auto part = state_->decoder.next()) state_->take(*part);
  state_->check_waiting();  // their views end with the next feed
}

std::uint64_t EvidenceAppraiser::records() const { return state_->shown; }

Report EvidenceAppraiser::report() {
  state_->judge_boot();
  Appraiser& appraiser = state_->judge();
  if (const auto whole = state_->decoder.finish(); !whole) appraiser.damaged(whole.error());
  Report report = appraiser.report();
  report.held = Held{state_->shown, state_->since};
  return report;
}

std::optional<Memory> EvidenceAppraiser::memory() const { return state_->appraiser->memory(); }

AppraisedEvidence appraise_evidence(ByteView bytes, EvidenceOptions options) {
  EvidenceAppraiser appraiser(std::move(options));
  appraiser.feed(bytes);
  Report report = appraiser.report();
  return {std::move(report), appraiser.memory()};
}

}  // namespace stele::attest
