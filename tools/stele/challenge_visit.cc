#include "tools/stele/challenge_visit.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "attest/evidence/appraise.h"
#include "tools/stele/challenge_proof.h"
#include "tools/stele/command.h"
#include "tools/stele/log_directory.h"

namespace stele::tools {
namespace {

using attest::Fault;
// And whose it is: others may share the folder.
constexpr std::string_view kIncoming = "incoming-";
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
  return has_fault(report, Fault::answer_mismatch) ? Contradiction::rollback : Contradiction::none;
}

[[noreturn]] void throw_no_evidence(const std::string& url) {
  throw CommandError(kMalformed, url + " answers, but what it says is no evidence");
}

// The bundle as it comes, on disk, for the proof that it may become.
class Spool {
 public:
  explicit Spool(const std::string& folder) {
    if (folder.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    path_ = folder + "/" + std::string(kIncoming) + std::to_string(::getpid()) + ".evidence";
    file_.open(path_, std::ios::binary | std::ios::trunc);
    if (error || !file_) throw CommandError(kCannotCreate, "cannot create " + path_);
  }
  ~Spool() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
  }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  void write(std::string_view bytes) {
    if (!path_.empty()) file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  std::string finish() {
    if (path_.empty()) return path_;
    file_.close();
    if (!file_) throw CommandError(kIoError, "cannot write " + path_);
    return path_;
  }

 private:
  std::string path_;
  std::ofstream file_;
};

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
  try {
    Visit first = ask_once();
    if (!first.reset) return first;
  } catch (const CommandError& error) {
    if (error.code() != kTemporary) throw;
    std::this_thread::sleep_for(kBeforeSecond);
  }
  return ask_once();
}

Visit Visitor::ask_once() {
  const attest::Hash nonce = random_bytes();
  attest::EvidenceOptions options;
  options.trust = desk_.trust();
  options.eras_approved = desk_.eras_approved();
  options.nonce = nonce;
  options.memory = desk_.memory();
  attest::EvidenceAppraiser judge(std::move(options));
  HalfCollector shown(desk_.halves());
  Visit visit;
  {
    Spool spool(folder_);
    std::string front;  // until it shows what it is
    host_.ask(nonce, desk_.memory(), [&](std::string_view bytes) {
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
    desk_.remember(*memory, shown.newest(), shown.newest_counter());
  }
  return visit;
}

}  // namespace stele::tools
