#include "attest/report_advice.h"

#include <algorithm>

namespace stele::attest {
namespace {

bool has_fault(const Report& r, Fault fault) {
  return std::any_of(r.defects.begin(), r.defects.end(),
                     [&](const Defect& d) { return d.fault == fault; });
}

// An acknowledgement names an anchor: without one there is nothing to name.
std::string after_foreign_extend(const Report& r) {
  std::string out = "Find out who extended P, and compare with a copy kept elsewhere: no later "
                    "anchor settles what may have been cut before. ";
  const auto open = std::find_if(r.foreign_windows.begin(), r.foreign_windows.end(),
                                 [](const ForeignWindow& w) { return w.end && !w.acknowledged; });
  if (r.foreign_windows.empty()) return out;
  if (open == r.foreign_windows.end()) {
    return out + "Once a counter anchor bears the flag (stele anchor), the auditor can acknowledge "
                 "it.";
  }
  return out + "Then the auditor can acknowledge it: stele trust acknowledge PATH --trust FILE "
               "--anchor " + std::to_string(open->end->seq) + ".";
}

// Bytes that this verifier does not know, but for a signature that nobody has given it the key of.
// Without an anchor integrity is unknown too, and no newer verifier would help.
bool is_beyond_this_verifier(const Report& r) {
  if (r.integrity != Outcome::unknown) return false;
  const bool unread = std::any_of(r.defects.begin(), r.defects.end(), [](const Defect& d) {
    return verdict_of(d.fault) == VerdictKind::integrity && d.fault != Fault::checkpoint_unsigned;
  });
  return unread ||
         (r.completeness != Outcome::unknown && !has_fault(r, Fault::checkpoint_unsigned));
}

std::string after_tampering(const Report& r) {
  // One file that was sent: cut on its way it looks as cut by its host.
  if (r.what != Presented::store &&
      std::all_of(r.defects.begin(), r.defects.end(),
                  [](const Defect& d) { return d.fault == Fault::truncated; })) {
    return "It may be a copy that broke off: fetch it again. If it stays so, keep it as it is and "
           "trust nothing newer on that host.";
  }
  return "Keep this evidence as it is, trust nothing newer on that host, and compare with a "
         "copy kept elsewhere.";
}

// Where what is there cannot be told, and what would tell.
void advise_on_integrity(const Report& r, std::vector<std::string>& steps) {
  if (has_fault(r, Fault::checkpoint_unsigned)) {
    steps.push_back(
        "Get the log's key anew from whoever runs it (stele trust --checkpoint-key), by "
        "another way than this proof, and verify again.");
  }
  if (r.what == Presented::tlog_proof && has_fault(r, Fault::no_anchor)) {
    steps.push_back(
        "Ask for a proof with its receipt in it (stele prove --format tlog-proof): a "
        "checkpoint's signature says nothing that root of the host could not say.");
  }
  if (is_beyond_this_verifier(r)) {
    steps.push_back("Verify again with a newer stele-verify, or look at the defects above.");
  }
}

void advise_on_completeness(const Report& r, std::vector<std::string>& steps) {
  if (has_fault(r, Fault::quorum_not_reached)) {
    steps.push_back(
        "Wait until the log's witnesses have answered (stele status shows them), or ask "
        "whoever chose the policy.");
  }
  if (has_fault(r, Fault::cosigned_head_unsigned)) {
    steps.push_back(
        "Ask the witness named above for its own copy of the log's checkpoint, with the "
        "log's signature.");
  }
  if (has_fault(r, Fault::era_not_approved)) {
    steps.push_back(
        "Have the auditor sign the trust file of the new era (stele era sign), then verify with "
        "it and --auditor-key FILE.");
  }
  if (has_fault(r, Fault::acknowledgement_unmatched)) {
    steps.push_back(
        "Look for the log with the anchor named above, and compare with a copy kept "
        "elsewhere. If the line in the trust file is a slip, take it out.");
  }
  if (has_fault(r, Fault::foreign_extend)) steps.push_back(after_foreign_extend(r));
  if (has_fault(r, Fault::read_back_rule)) {
    steps.push_back(
        "Have the host make two more counter anchors (stele anchor), then verify again. "
        "What is then still open stays so: compare with a copy kept elsewhere.");
  }
  // Two more anchors are one more; and an anchor is no cure for what anchors do not settle.
  const bool lacks_anchor = r.what != Presented::tlog_proof && has_fault(r, Fault::no_anchor) &&
                            !has_fault(r, Fault::read_back_rule);
  if (lacks_anchor || (r.completeness == Outcome::unknown && steps.empty())) {
    steps.push_back("Have the host make another counter anchor (stele anchor), then verify again.");
  }
}

std::vector<std::string> while_undetermined(const Report& r) {
  if (r.identity == "none") return {"Verify again with the log's trust file: --trust FILE."};
  if (has_fault(r, Fault::start_unknown)) {
    return {"Give the memory that it was asked for with (--memory FILE), or have a bundle made "
            "without --since."};
  }
  std::vector<std::string> steps;
  advise_on_integrity(r, steps);
  advise_on_completeness(r, steps);
  // Nothing speaks against the log, and no answer was asked for in vain.
  if (r.required_found || (steps.empty() && r.defects.empty())) {
    steps.push_back(
        "Judge the findings above that were asked for (--require), or verify without asking "
        "for them.");
  }
  const bool unanswered = has_fault(r, Fault::answer_missing) || has_fault(r, Fault::answer_run_changed);
  if (unanswered || steps.empty()) {
    steps.push_back(
        "Ask the host for a fresh answer (stele answer --nonce HEX), then verify again with "
        "it.");
  }
  return steps;
}

}  // namespace

std::vector<std::string> next_steps(const Report& r) {
  switch (r.conclusion) {
    case Conclusion::tampered:
      return {after_tampering(r)};
    case Conclusion::undetermined:
      return while_undetermined(r);
    case Conclusion::verified:
      if (r.freshness == Outcome::pass) {
        return {"Keep the memory file (--memory), so that the next visit also sees a restored TPM."};
      }
      return {
          "To learn that nothing newer was cut off, verify with a nonce: --nonce HEX --answer "
          "FILE."};
  }
  return {};
}

}  // namespace stele::attest
