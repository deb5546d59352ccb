#include "tests/simulation/truth.h"

#include <algorithm>

#include "attest/gap.h"

namespace stele::test {

using attest::Conclusion;
using attest::Fault;
using attest::Hash;
using attest::Outcome;
using attest::Report;

namespace {

bool has(const Report& report, Fault fault) {
  return std::ranges::any_of(report.defects, [&](const auto& d) { return d.fault == fault; });
}

// root of the first `size` leaves; nothing if there are fewer.
std::optional<Hash> root_of_first(const std::vector<Hash>& leaves, std::uint64_t size) {
  if (leaves.size() < size) return std::nullopt;
  attest::CompactRange tree;
  for (std::uint64_t i = 0; i < size; ++i) tree.append(leaves[i]);
  return tree.head().root;
}

Judgement wrong(Wrong kind, const std::string& what, const Report& report) {
  return Violation{kind, what + ": " + words(report)};
}

}  // namespace

std::string words(const Report& report) {
  std::string text =
      std::string(name(report.conclusion)) + " (integrity " + std::string(name(report.integrity)) +
      ", completeness " + std::string(name(report.completeness)) + ", freshness " +
      std::string(name(report.freshness)) + ", platform " + std::string(name(report.platform)) +
      "; size " + std::to_string(report.tree.size) + ", counter-anchored " +
      std::to_string(report.coverage.counter_anchored) + ", quote-anchored " +
      std::to_string(report.coverage.quote_anchored) + ")";
  for (const attest::Defect& defect : report.defects)
    text += "; " + std::string(name(defect.fault)) + " " + defect.detail;
  return text;
}

std::uint64_t Truth::recorded_lost(std::uint64_t size) const {
  std::uint64_t lost = 0;
  for (std::uint64_t i = 0; i < std::min(size, records.size()); ++i) {
    if (records.kind(i) == attest::Kind::gap)
      lost += attest::decode_gap(attest::view(records.content(i))).value().lost;
  }
  return lost;
}

const Truth::Sealed* Truth::binding() const {
  if (sealed.empty()) return nullptr;
  // Mode B: whoever defines E again can replace the newest two anchors.
  const std::uint64_t newest = sealed.back().seq;
  const std::uint64_t spared = mode == attest::Mode::b && extend_redefined ? 2 : 0;
  const Sealed* found = nullptr;
  for (const Sealed& one : sealed) {
    if (one.seq + spared <= newest) found = &one;
  }
  return found;
}

Judgement Truth::judge_bytes(const LogCheck& found) const {
  if (!found.wrong.empty()) return Violation{Wrong::lost, "bytes: " + found.wrong};
  if (found.records < acknowledged) {
    return Violation{Wrong::lost, "only " + std::to_string(found.records) + " of " +
                                      std::to_string(acknowledged) + " acknowledged records"};
  }
  if (found.entries < entries.size()) {
    return Violation{Wrong::lost, "only " + std::to_string(found.entries) + " of " +
                                      std::to_string(entries.size()) + " journal entries"};
  }
  return std::nullopt;
}

Judgement Truth::judge(const Report& report, const std::vector<Hash>& presented, bool live) const {
  const auto& coverage = report.coverage;
  const std::uint64_t anchored = coverage.counter_anchored + coverage.quote_anchored;
  // P5: where the unanchored tail begins is stated, in every verdict that is not a failure.
  if (report.conclusion != Conclusion::tampered &&
      (anchored + coverage.unanchored != report.tree.size ||
       coverage.unanchored_since_ns.has_value() != (coverage.unanchored > 0))) {
    return wrong(Wrong::missed, "the unanchored tail is not stated", report);
  }
  return attacked ? judge_attacked(report, presented, live) : judge_honest(report, live);
}

// P2: nothing but crashes and failing devices: never tampered, and verified as soon as there is
// an anchor.
Judgement Truth::judge_honest(const Report& report, bool live) const {
  const auto alarm = [&](const char* what) { return wrong(Wrong::false_alarm, what, report); };
  if (report.integrity == Outcome::fail || report.completeness == Outcome::fail ||
      report.freshness == Outcome::fail || report.platform == Outcome::fail) {
    return alarm("an honest log fails");
  }
  const bool excused = has(report, Fault::no_anchor) ||
                       (mode == attest::Mode::b && has(report, Fault::read_back_rule)) ||
                       (foreign && has(report, Fault::foreign_extend));
  if (report.conclusion != Conclusion::verified && !excused) return alarm("not verified");
  if (!sealed.empty() && has(report, Fault::no_anchor)) return alarm("its anchors are not seen");
  if (live && report.freshness != Outcome::pass) return alarm("a live answer does not pass");
  const auto& coverage = report.coverage;
  if (report.tree.size < acknowledged) return wrong(Wrong::lost, "acknowledged records", report);
  if (!sealed.empty() && coverage.counter_anchored < sealed.back().size)
    return wrong(Wrong::lost, "sealed records are not counted", report);
  if (coverage.counter_anchored + coverage.quote_anchored < quoted)
    return wrong(Wrong::lost, "quote-anchored records are not counted", report);
  if (coverage.lost != recorded_lost(report.tree.size))
    return wrong(Wrong::lost, "what was lost is not on record", report);
  return std::nullopt;
}

// P3, P4: whatever was done, no verified log hides what was sealed, or shows other records under
// an anchor than there were.
Judgement Truth::judge_attacked(const Report& report, const std::vector<Hash>& presented,
                                bool live) const {
  if (report.conclusion != Conclusion::verified) return std::nullopt;
  const auto missed = [&](const char* what) { return wrong(Wrong::missed, what, report); };
  const auto& coverage = report.coverage;
  const std::uint64_t anchored = coverage.counter_anchored + coverage.quote_anchored;
  const auto root = root_of_first(presented, anchored);
  const auto known = heads.find(anchored);
  if (!root || known == heads.end() || !known->second.contains(*root))
    return missed(!root ? "fewer records than anchored" : "anchored records that never were");
  if (!live || report.freshness != Outcome::pass || tpm_put_back) return std::nullopt;
  if (const Sealed* bound = binding()) {
    if (coverage.counter_anchored < bound->size ||
        root_of_first(presented, bound->size) != bound->root)
      return missed("sealed records are gone or changed, and a challenge passes");
  }
  if (anchored < quoted) return missed("quote-anchored records are gone, and a challenge passes");
  return std::nullopt;
}

}  // namespace stele::test
