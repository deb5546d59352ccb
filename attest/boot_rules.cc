#include "attest/boot_rules.h"

#include <algorithm>

#include "attest/boot/measurement_replay.h"
#include "attest/check.h"
#include "attest/rfc3339.h"

namespace stele::attest {
namespace {

constexpr boot::Algorithm kBank = boot::Algorithm::sha256;  // what bundles quote
constexpr std::uint8_t kFirmwarePcrs = 8;                   // 0-7; the last quoted one is P

Bytes to_bytes(const Hash& hash) {
  return Bytes(hash.bytes.begin(), hash.bytes.end());
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "; ") + part;
  return out;
}

std::string words(const boot::BootRemark& remark) {
  std::string out = "PCR " + std::to_string(remark.pcr) + " " + std::string(name(remark.reason));
  const bool in_log = remark.reason == boot::BootReason::digest_not_allowed ||
                      remark.reason == boot::BootReason::violation;
  if (in_log) {
    out += " (" + std::to_string(remark.count) + ", the first at byte " +
           std::to_string(remark.first) + " of its log)";
  }
  return out;
}

std::string words(const Defect& defect) {
  return "cannot be read: " + std::string(name(defect.fault)) + " at byte " +
         std::to_string(defect.at.value) + (defect.detail.empty() ? "" : ", ") + defect.detail;
}

// The PCRs whose quoted values the log contradicts, "4, 7"; none: empty.
std::string contradicted(const boot::EventLog& log, const boot::PcrValues& quoted) {
  std::string out;
  for (const auto& [pcr, explanation] : explain(log, kBank, quoted)) {
    if (explanation == boot::Explanation::unexplained)
      out += (out.empty() ? "" : ", ") + std::to_string(pcr);
  }
  return out;
}

}  // namespace

// The log, if it is there and is the one that the bundle names.
std::optional<ByteView> BootRules::verify_log(const std::string& what,
                                              std::optional<ByteView> presented,
                                              std::uint64_t bytes, const Hash& named, Place at,
                                              Judged& judged) {
  if (bytes == 0) return std::nullopt;  // the bundle says that there was none
  if (!presented) {
    judged.missing.push_back("its " + what + " (boot/" + to_hex(named) + ")");
    return std::nullopt;
  }
  if (presented->size() == bytes && hash(*presented) == named) return presented;
  draft_.defect({Fault::boot_log_mismatch, at,
                 "boot/" + to_hex(named) + " is not the " + what + " that the bundle commits to"});
  return std::nullopt;
}

void BootRules::judge(const Bundle& bundle, std::optional<ByteView> event_log,
                      std::optional<ByteView> measurements, Judged& judged) const {
  boot::BootEvidence evidence;
  for (std::uint8_t pcr = 0; pcr < kFirmwarePcrs; ++pcr)
    evidence.quoted[pcr] = to_bytes(bundle.quote.pcrs[pcr]);
  std::optional<Result<boot::EventLog>> events;
  if (event_log) {
    events = boot::parse_event_log(*event_log);
    if (*events) {
      evidence.event_log = &**events;
      const std::string pcrs = contradicted(**events, evidence.quoted);
      if (!pcrs.empty())
        judged.unexplained.push_back("the firmware's event log does not give the quoted PCR " +
                                     pcrs);
    } else {
      judged.unexplained.push_back("the firmware's event log " + words(events->error()));
    }
  }
  if (bundle.ima) evidence.quoted[boot::kImaPcr] = to_bytes(bundle.ima->pcr10);
  std::optional<Result<boot::MeasurementList>> list;
  if (measurements) {
    list = boot::parse_measurement_list(*measurements);
    if (*list) {
      evidence.measurements = &**list;
      if (bundle.ima && !explain(**list, kBank, evidence.quoted[boot::kImaPcr]))
        judged.unexplained.push_back("the IMA list does not give the quoted PCR 10");
    } else {
      judged.unexplained.push_back("the IMA list " + words(list->error()));
    }
  }
  if (!policy_ || policy_->records_only()) return;
  const boot::BootDecision decision = decide(*policy_, evidence);
  judged.approved = decision.known();
  for (const boot::BootRemark& remark : decision.why) judged.unapproved.push_back(words(remark));
}

void BootRules::bundle(const VerifiedBundle& verified, ByteView encoded, const BootLogs& logs,
                       Place at) {
  const Result<Bundle> bundle = decode_bundle(encoded);
  ENSURE(bundle.has_value());  // it has verified
  Judged judged;
  judged.bundle = verified.hash();
  judged.boot_id = to_hex(bundle->boot_id);
  const auto event_log = verify_log("firmware event log", logs.event_log, bundle->event_log_bytes,
                                    bundle->event_log_hash, at, judged);
  const auto measurements =
      verify_log("IMA list", logs.measurements, bundle->ima_bytes, bundle->ima_hash, at, judged);
  if (logs.may_be_left_out) judged.missing.clear();
  judge(*bundle, event_log, measurements, judged);
  pending_ = std::move(judged);
}

void BootRules::receipt(const Statement& statement) {
  if (!pending_ || pending_->bundle != statement.bundle) return;
  const Judged judged = std::move(*pending_);
  pending_.reset();
  ++figures_.starts;
  figures_.approved += judged.approved;
  figures_.unexplained += !judged.unexplained.empty();
  const std::string now = judged.boot_id + joined(judged.missing) + joined(judged.unexplained) +
                          joined(judged.unapproved);
  if (now == told_) return;
  told_ = now;
  const std::string which =
      "boot " + judged.boot_id + ", anchored " + to_rfc3339(statement.wallclock_ns) + ": ";
  const Place at = Place::anchor(statement.seq);
  if (!judged.unapproved.empty())
    draft_.finding(Finding::unapproved_boot, at, which + joined(judged.unapproved));
  if (!judged.missing.empty())
    draft_.finding(Finding::boot_log_missing, at, which + "not there: " + joined(judged.missing));
  if (!judged.unexplained.empty())
    draft_.finding(Finding::boot_log_unexplained, at, which + joined(judged.unexplained));
}

}  // namespace stele::attest
