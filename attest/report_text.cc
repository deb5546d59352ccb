// The report in words, for a person: what was looked at, what was found, the conclusion, the next
// steps.
#include <algorithm>
#include <limits>

#include "attest/printable.h"
#include "attest/report.h"
#include "attest/report_advice.h"
#include "attest/rfc3339.h"

namespace stele::attest {
namespace {

std::string place_text(const Place& at) {
  switch (at.what) {
    case Place::What::nothing:
      return "";
    case Place::What::index:
      return " at record " + std::to_string(at.value);
    case Place::What::anchor:
      return " at anchor " + std::to_string(at.value);
    case Place::What::entry:
      return " at journal entry " + std::to_string(at.value);
    case Place::What::segment:
      return " in segment " + std::to_string(at.value);
    case Place::What::byte:
      return " at byte " + std::to_string(at.value);
    case Place::What::line:
      return " at line " + std::to_string(at.value);
    case Place::What::run:
      return " in run " + std::to_string(at.value);
  }
  return "";
}

std::string counted(std::uint64_t n, std::string_view one, std::string_view many) {
  return std::to_string(n) + ' ' + std::string(n == 1 ? one : many);
}

std::string records(std::uint64_t n) {
  return counted(n, "record", "records");
}

void line(std::string& out, std::string_view label, std::string_view value) {
  std::string padded(label);
  padded.resize(std::max<std::size_t>(padded.size(), 14), ' ');
  out += padded + ' ' + std::string(value) + '\n';
}

std::string freshness(const Report& r) {
  std::string out(name(r.freshness));
  if (r.freshness == Outcome::unknown) {
    const bool since = r.held && r.held->since;
    out += ": up to anchor " + std::to_string(since ? r.newest_seq : r.counter_anchors);
    if (r.newest_anchor_ns) out += " of " + to_rfc3339(*r.newest_anchor_ns);
    out += "; later ones may have been cut; ask with a nonce";
  }
  return out;
}

std::string completeness(const Report& r) {
  std::string out(name(r.completeness));
  if (r.completeness != Outcome::pass || r.acknowledged_extends == 0) return out;
  return out + ", but for what " +
         counted(r.acknowledged_extends, "foreign extend", "foreign extends") +
         " may hide that the auditor acknowledged: see below";
}

std::string mode(const Report& r) {
  if (*r.mode == Mode::b) return "B: root knows ownerAuth";
  if (!r.locked_from_outside) return "A, as the log says of itself";
  return *r.locked_from_outside
             ? "A: the auditor holds ownerAuth; set from outside, the host never had it"
             : "A: the auditor is to hold ownerAuth; that the host gave it away, and to him, nobody "
               "outside has seen (trust on first install)";
}

// What it rests on that this key is that TPM's.
std::string identity(const Report& r) {
  if (r.identity == "none") return "none: no trust file, so any TPM, or none, could have signed this";
  if (r.identity == "ek-chain") {
    std::string words = "ek-chain: the auditor signed that the TPM's certificate led to a root of his";
    if (r.tpm_kind == TpmKind::simulator) words += "; but it is a simulator's";
    return words;
  }
  std::string words = "pinned-key: trust on first use of the key in the trust file";
  if (r.enrolment_claimed) {
    words += "; that it was enrolled by its maker's certificate is claimed there, and no --auditor-key "
             "has checked who says so";
  }
  return words;
}

// What a pass rests on, and what an unknown lacks.
std::string platform(const Report& r) {
  std::string out(name(r.platform));
  const BootFigures& b = r.boots;
  if (r.platform == Outcome::fail || r.identity == "none") return out;
  if (r.platform == Outcome::pass) {
    return out + ": the boot policy knows " +
           (b.starts == 1 ? "the one boot" : "each of the " + std::to_string(b.starts) + " boots") +
           " shown; advisory: who sits on the bus to the TPM can replay PCR values";
  }
  if (is_single_proof(r)) return out + ": a proof shows no boot; verify the store";
  switch (b.policy) {
    case BootFigures::Policy::none:
      return out +
             ": no boot policy in the trust file, so PCR values are not judged (stele trust "
             "--boot-policy)";
    case BootFigures::Policy::record:
      return out + ": the boot policy records only; " + counted(b.starts, "boot", "boots") +
             " not judged";
    case BootFigures::Policy::rules:
      break;
  }
  if (b.starts == 0) return out + ": no boot that an anchor commits to";
  return out + ": the boot policy knows " + std::to_string(b.approved) + " of " +
         counted(b.starts, "boot", "boots") + "; PCR values are advisory";
}

// Nothing is said where nothing was checked.
void write_final(std::string& out, const Report& r) {
  if (!r.mode || r.identity == "none" || r.conclusion == Conclusion::tampered) return;
  if (!r.final_through) {
    std::string why = "nothing yet";
    if (*r.mode == Mode::b) {
      why = is_single_proof(r)
                ? "cannot be told: a proof shows no anchor behind its own; verify the "
                  "store"
                : "nothing yet: two counter anchors must stand behind one, or "
                  "--memory know it";
    }
    return line(out, "final", why);
  }
  const FinalThrough& through = *r.final_through;
  std::string words =
      "up to anchor " + std::to_string(through.seq) + ", " + records(through.size) + ": ";
  switch (through.by) {
    case FinalThrough::By::mode_a:
      words += "the newest counter anchor";
      break;
    case FinalThrough::By::two_behind:
      words += "two counter anchors stand behind it; later ones can still be replaced";
      break;
    case FinalThrough::By::memory:
      words += "this verifier remembers it; later ones can still be replaced";
      break;
  }
  line(out, "final", words);
}

// What partial evidence shows, and so what was judged.
void write_held(std::string& out, const Report& r) {
  if (!r.held) return;
  line(out, "holds",
       records(r.held->records) + " of " + std::to_string(r.tree.size) +
           "; of the others only that the anchored roots include them");
  if (!r.held->since) return;
  line(out, "begins",
       "behind anchor " + std::to_string(r.held->since->seq) + " (quote " +
           std::to_string(r.held->since->quote_seq) + ") at " + records(r.held->since->size) +
           ": what came before is not judged again");
}

// Of a tlog-proof: what its checkpoint's signature was found to be, and what that is worth.
void write_checkpoint(std::string& out, const Report& r) {
  if (!r.checkpoint) return;
  const CheckpointReport& c = *r.checkpoint;
  line(out, "record",
       std::to_string(c.index) +
           (c.record_included ? ", in the checkpoint's tree"
                              : ": not shown to be in the checkpoint's tree"));
  std::string words;
  switch (c.signature) {
    using enum CheckpointReport::Signature;
    case not_checked:
      words = "its signature was not looked at: no key was given (--log-key)";
      break;
    case verified:
      words = "signed by the log's key " + printable(c.key) + ", which root of its host can use";
      break;
    case unknown_key:
      words = "bears no signature of the key given, " + printable(c.key);
      break;
    case invalid:
      words = "a signature in the name of " + printable(c.key) + " does not verify";
      break;
  }
  line(out, "checkpoint", words);
}

void write_coverage(std::string& out, const Report& r) {
  const Coverage& c = r.coverage;
  line(out, "anchored",
       records(c.counter_anchored) + " by counter anchors, " + std::to_string(c.quote_anchored) +
           " more by quote anchors");
  std::string tail = records(c.unanchored);
  if (c.unanchored > 0) {
    if (!is_single_proof(r)) {
      tail += ", from record " + std::to_string(c.counter_anchored + c.quote_anchored);
    }
    if (c.unanchored_since_ns) tail += ", since " + to_rfc3339(*c.unanchored_since_ns);
    tail += ": not covered by this verdict";
  }
  line(out, "unanchored", tail);
  if (is_single_proof(r)) return;
  line(out, "lost", counted(c.lost, "event", "events") + " recorded as lost");
  line(out, "boots",
       std::to_string(c.boots) + " with the log, " + std::to_string(c.boots_without_log) +
           " without; " + counted(c.unclean_ends, "unclean end", "unclean ends") + ", " +
           counted(c.unexplained_resets, "unexplained reset", "unexplained resets"));
  if (r.held && r.held->records < r.tree.size) {
    return line(out, "exposure", "not told by evidence that leaves records out");
  }
  line(
      out, "exposure",
      "no record waited longer than " + std::to_string(c.longest_exposure_s) + " s for its anchor");
}

// A witness may state any time: one beyond what 64 bits of nanoseconds hold stays a number.
std::string moment(std::uint64_t time_s) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  if (time_s > std::numeric_limits<std::int64_t>::max() / kSecond) {
    return std::to_string(time_s) + " s since 1970";
  }
  std::string text = to_rfc3339(static_cast<std::int64_t>(time_s * kSecond));
  return text.substr(0, text.find('.')) + "Z";
}

void write_witnesses(std::string& out, const Report& r) {
  if (r.held_receipts) {
    std::string held = counted(*r.held_receipts, "receipt", "receipts") +
                       " held off the host, each by this TPM: all are to be here";
    if (r.held_not_compared > 0) {
      held += ", but for " + std::to_string(r.held_not_compared) + " that cannot be compared";
    }
    line(out, "held", held);
  }
  if (!r.witnesses) return;
  for (const WitnessSaw& saw : r.witnesses->witnesses) {
    const std::string what =
        saw.time_s ? "saw the first " + std::to_string(saw.size) + " at " +
                         moment(*saw.time_s) + ", by its own clock"
                   : std::string("saw nothing of it");
    line(out, "witness", printable(saw.name) + " " + what);
  }
  const auto& through = r.witnesses->quorum_through;
  const std::string quorum =
      !r.witnesses->quorum_asked ? std::string("none is asked for")
      : through ? "holds up to record " + std::to_string(*through) + " of " +
                      std::to_string(r.tree.size) + "; what lies behind nobody has witnessed"
                : std::string("not reached");
  line(out, "quorum", quorum);
}

void write_defects(std::string& out, const Report& r) {
  for (const Defect& d : r.defects) {
    out += std::string(outcome_of(d.fault) == Outcome::fail ? "FAIL     " : "unknown  ") +
           std::string(name(verdict_of(d.fault))) + ": " + std::string(name(d.fault)) +
           place_text(d.at);
    if (!d.detail.empty()) out += ": " + printable(d.detail);
    out += '\n';
  }
  if (r.defect_count > r.defects.size()) {
    out += "         and " + std::to_string(r.defect_count - r.defects.size()) + " more\n";
  }
  for (const FindingAt& f : r.findings) {
    out += "finding  " + std::string(name(f.finding)) + place_text(f.at);
    if (!f.detail.empty()) out += ": " + printable(f.detail);
    out += '\n';
  }
  if (r.finding_count > r.findings.size()) {
    out +=
        "         and " + std::to_string(r.finding_count - r.findings.size()) + " more findings\n";
  }
}

// The lowest record that a failing defect names, or nothing.
std::optional<std::uint64_t> first_bad_index(const Report& r) {
  std::optional<std::uint64_t> first;
  for (const Defect& d : r.defects) {
    if (d.at.what != Place::What::index || outcome_of(d.fault) != Outcome::fail) continue;
    if (!first || d.at.value < *first) first = d.at.value;
  }
  return first;
}

}  // namespace

std::string to_text(const Report& r) {
  std::string out;
  line(out, "log", printable(r.origin.empty() ? "(unknown)" : r.origin) + "  " + to_hex(r.log_id));
  line(out, is_single_proof(r) ? "proof in tree" : "size",
       records(r.tree.size) + ", root " + to_hex(r.tree.root));
  std::string anchors =
      std::to_string(r.counter_anchors) + " counter, " + std::to_string(r.quote_anchors) + " quote";
  if (r.newest_anchor_ns) anchors += "; newest of " + to_rfc3339(*r.newest_anchor_ns);
  line(out, "anchors", anchors);
  if (r.mode) line(out, "mode", mode(r));
  write_final(out, r);
  line(out, "tpm",
       std::string(name(r.tpm_kind)) + ' ' + printable(r.tpm_manufacturer) + ' ' +
           printable(r.tpm_model) + " (identity: " + r.identity + ')');
  line(out, "identity", identity(r));
  write_held(out, r);
  write_checkpoint(out, r);
  write_coverage(out, r);
  write_witnesses(out, r);
  line(out, "integrity", name(r.integrity));
  line(out, "completeness", completeness(r));
  line(out, "freshness", freshness(r));
  line(out, "platform", platform(r));
  write_defects(out, r);
  if (const auto first = first_bad_index(r)) {
    line(out, "first bad", "record " + std::to_string(*first));
  }
  line(out, "conclusion", name(r.conclusion));
  for (const std::string& step : next_steps(r)) line(out, "next", step);
  return out;
}

}  // namespace stele::attest
