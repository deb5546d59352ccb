#include "tools/stele/challenge_visit.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "attest/answer.h"
#include "attest/evidence/appraise.h"
#include "attest/receipt.h"
#include "tools/stele/challenge_proof.h"
#include "tools/stele/command.h"
#include "tools/stele/evidence_spool.h"
#include "tools/stele/log_directory.h"

namespace stele::tools {
namespace {

using attest::Fault;
constexpr auto kBeforeSecond = std::chrono::seconds(1);

bool has_fault(const attest::Report& report, Fault fault) {
  return std::any_of(report.defects.begin(), report.defects.end(),
                     [&](const attest::Defect& defect) { return defect.fault == fault; });
}

// What was seen stands behind what is shown.
bool is_behind(const attest::Statement& shown, const attest::Memory& seen) {
  if (shown.log_id != seen.log_id) return false;
  if (shown.seq != seen.seq) return shown.seq < seen.seq;
  return shown.run == seen.run && shown.quote_seq < seen.quote_seq;
}

// The TPM, asked just now, is beyond what is shown. An answer that is another log's, was changed or
// cannot be read is no evidence of that.
bool answers_beyond(const HalfCollector& shown, const AuditorDesk& desk) {
  const attest::TrustFile& trust = desk.trust();
  const auto answer = attest::decode_answer(shown.answer());
  if (!answer) return false;
  const auto identity = identity_for(trust, answer->log_id);
  if (!identity) return false;
  const attest::Hash session =
      attest::read_session_digest(*identity, answer->audit.counter, answer->audit.extend);
  if (!attest::verify_audit(answer->audit, *identity, session, answer_extra_data(*answer)))
    return false;
  const auto numbers = std::pair(answer->seq, answer->quote_seq);
  if (!shown.newest()) {
    // Nothing new is shown: beyond what is remembered, if anything is.
    const auto& memory = desk.memory();
    if (!memory) return true;
    return answer->log_id == memory->log_id && numbers > std::pair(memory->seq, memory->quote_seq);
  }
  const attest::Statement& newest = shown.newest()->statement;
  if (answer->log_id != newest.log_id) return false;  // another era's numbers
  return answer->audit.counter > newest.counter ||
         numbers > std::pair(newest.seq, newest.quote_seq);
}

Contradiction contradiction_of(const attest::Report& report, const AuditorDesk& desk,
                               const HalfCollector& shown) {
  if (report.conclusion != attest::Conclusion::tampered) return Contradiction::none;
  if (shown.rival() && verify_half(*shown.rival(), desk.trust())) {
    return Contradiction::equivocation;
  }
  if (has_fault(report, Fault::memory_mismatch) && desk.memory()) {
    const bool behind = !shown.newest() || is_behind(shown.newest()->statement, *desk.memory());
    return behind ? Contradiction::rollback : Contradiction::fork;
  }
  if (has_fault(report, Fault::answer_mismatch) && answers_beyond(shown, desk))
    return Contradiction::rollback;
  return Contradiction::none;
}

[[noreturn]] void throw_no_evidence(const std::string& url) {
  throw CommandError(kMalformed, url + " answers, but what it says is no evidence");
}

}  // namespace

std::string_view name(Contradiction contradiction) {
  switch (contradiction) {
    case Contradiction::none:
      return "none";
    case Contradiction::rollback:
      return "rollback";
    case Contradiction::fork:
      return "fork";
    case Contradiction::equivocation:
      return "equivocation";
  }
  return "none";
}

Visitor::Visitor(AuditorDesk& desk, ChallengedHost& host, const std::string& save,
                 const std::string& memory)
    : desk_(desk),
      host_(host),
      keep_all_(!save.empty()),
      folder_(!save.empty()    ? save
              : memory.empty() ? ""
                               : memory + ".proofs") {}

Visit Visitor::visit() {
  From from = From::memory;
  try {
    Visit first = ask_once(from);
    if (!first.reset && !first.unwitnessed_since) return first;
    if (first.unwitnessed_since) from = From::genesis;
  } catch (const CommandError& error) {
    if (error.code() != kTemporary) throw;
    std::this_thread::sleep_for(kBeforeSecond);
  }
  return ask_once(from);
}

Visit Visitor::ask_once(From from) {
  const attest::Hash nonce = random_bytes();
  attest::EvidenceOptions options;
  options.trust = desk_.trust();
  options.eras_approved = desk_.eras_approved();
  options.nonce = nonce;
  options.memory = desk_.memory();
  options.policy = desk_.policy();
  attest::EvidenceAppraiser judge(std::move(options));
  HalfCollector shown(desk_.halves());
  Visit visit;
  {
    EvidenceSpool spool(folder_);
    std::string front;  // until it shows what it is
    ChallengedHost::Question question{nonce, desk_.memory(), desk_.needs_boot_logs()};
    if (from == From::genesis) question.since.reset();
    host_.ask(question, [&](std::string_view bytes) {
      if (front.size() < attest::kEvidenceMagic.size()) {
        front += bytes.substr(0, attest::kEvidenceMagic.size() - front.size());
        if (!attest::kEvidenceMagic.starts_with(front)) throw_no_evidence(host_.url());
      }
      judge.feed(attest::view(bytes));
      shown.feed(attest::view(bytes));
      spool.write(bytes);
    });
    if (front != attest::kEvidenceMagic) throw_no_evidence(host_.url());
    visit.report = judge.report();
    visit.contradiction = contradiction_of(visit.report, desk_, shown);
    visit.reset = visit.report.conclusion == attest::Conclusion::undetermined &&
                  has_fault(visit.report, Fault::answer_run_changed);
    visit.unwitnessed_since = visit.report.conclusion == attest::Conclusion::undetermined &&
                              has_fault(visit.report, Fault::quorum_not_reached) &&
                              question.since.has_value();
    visit.exit_code = visit.reset ? kTemporary : attest::exit_code(visit.report.conclusion);
    const bool kept = keep_all_ || visit.report.conclusion == attest::Conclusion::tampered;
    if (!folder_.empty() && kept) {
      // The verdict is known: a disk that is full may cost the proof, never the verdict.
      try {
        const std::string evidence = spool.finish();
        visit.proof = keep_proof(folder_, desk_, visit, {nonce, evidence, &shown});
      } catch (const std::exception& error) {
        visit.unkept = error.what();
      }
    }
  }
  const auto memory = judge.memory();
  if (memory && visit.report.conclusion == attest::Conclusion::verified) {
    try {
      desk_.remember(*memory, {shown.newest(), shown.newest_counter()});
    } catch (const std::exception&) {
      visit.unremembered = std::current_exception();
    }
  }
  return visit;
}

}  // namespace stele::tools
