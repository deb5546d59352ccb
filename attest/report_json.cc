// The report as one line of JSON, schema stele.verdict/1 (README.md, "Report").
#include "attest/printable.h"
#include "attest/report.h"
#include "attest/rfc3339.h"

namespace stele::attest {
namespace {

// Text from the host, as a JSON string: made printable first, so that only '"' and '\' need
// escaping.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

// One object, its members in the order of the calls.
class Object {
 public:
  Object& text(std::string_view key, std::string_view value) { return raw(key, quoted(value)); }
  Object& number(std::string_view key, std::uint64_t value) {
    return raw(key, std::to_string(value));
  }
  Object& time(std::string_view key, const std::optional<std::int64_t>& ns) {
    return raw(key, ns ? quoted(to_rfc3339(*ns)) : "null");
  }
  Object& raw(std::string_view key, const std::string& json) {
    if (out_.size() > 1) out_ += ',';
    out_ += quoted(key) + ':' + json;
    return *this;
  }
  std::string done() const { return out_ + '}'; }

 private:
  std::string out_ = "{";
};

std::string place_json(const Place& at) {
  Object out;
  if (at.what != Place::What::nothing) out.number(name(at.what), at.value);
  return out.done();
}

std::string coverage(const Coverage& c) {
  return Object()
      .number("counter_anchored", c.counter_anchored)
      .number("quote_anchored", c.quote_anchored)
      .number("unanchored", c.unanchored)
      .number("lost", c.lost)
      .time("unanchored_since", c.unanchored_since_ns)
      .number("boots", c.boots)
      .number("boots_without_log", c.boots_without_log)
      .number("unclean_ends", c.unclean_ends)
      .number("unexplained_resets", c.unexplained_resets)
      .number("longest_exposure_s", c.longest_exposure_s)
      .done();
}

std::string final_through(const FinalThrough& through) {
  return Object()
      .number("seq", through.seq)
      .number("size", through.size)
      .text("by", name(through.by))
      .done();
}

std::string held(const Held& held) {
  Object out;
  out.number("records", held.records);
  if (held.since) {
    out.raw("since", Object()
                         .number("seq", held.since->seq)
                         .number("quote_seq", held.since->quote_seq)
                         .number("size", held.since->size)
                         .done());
  } else {
    out.raw("since", "null");
  }
  return out.done();
}

std::string boots(const BootFigures& b) {
  return Object()
      .text("policy", name(b.policy))
      .number("starts", b.starts)
      .number("approved", b.approved)
      .number("unexplained", b.unexplained)
      .done();
}

template <class List, class One>
std::string array(const List& list, One one) {
  std::string out = "[";
  for (const auto& element : list) {
    if (out.size() > 1) out += ',';
    out += one(element);
  }
  return out += ']';
}

std::string witnesses(const WitnessReport& w) {
  const auto number = [](const std::optional<std::uint64_t>& value) {
    return value ? std::to_string(*value) : "null";
  };
  return Object()
      .text("quorum", !w.quorum_asked ? "none" : w.quorum_through ? "reached" : "not_reached")
      .raw("quorum_through", number(w.quorum_through))
      .raw("witnesses", array(w.witnesses,
                              [&](const WitnessSaw& saw) {
                                return Object()
                                    .text("name", saw.name)
                                    .number("size", saw.size)
                                    .raw("time_s", number(saw.time_s))
                                    .done();
                              }))
      .done();
}

std::string checkpoint(const CheckpointReport& c) {
  Object out;
  out.number("index", c.index)
      .text("record", c.record_included ? "included" : "not_shown")
      .text("signature", name(c.signature));
  if (c.key.empty()) return out.raw("key", "null").done();
  return out.text("key", c.key).done();
}

std::string foreign_window(const ForeignWindow& w) {
  const auto time = [](std::int64_t ns) {
    return ns == 0 ? std::nullopt : std::optional<std::int64_t>(ns);
  };
  Object out;
  out.number("era", w.era).raw("acknowledged", w.acknowledged ? "true" : "false");
  out.raw("after", Object()
                       .number("anchor", w.begin.seq)
                       .number("quote", w.begin.quote_seq)
                       .number("size", w.begin.size)
                       .time("time", time(w.begin.wallclock_ns))
                       .done());
  if (!w.end) return out.raw("before", "null").done();
  out.raw("before", Object()
                        .number("anchor", w.end->seq)
                        .text("digest", to_hex(w.end->digest))
                        .number("size", w.end->size)
                        .time("time", time(w.end->wallclock_ns))
                        .done());
  return out.done();
}

std::string defect(const Defect& d) {
  return Object()
      .text("verdict", name(verdict_of(d.fault)))
      .text("fault", name(d.fault))
      .raw("at", place_json(d.at))
      .text("detail", d.detail)
      .done();
}

std::string finding(const FindingAt& f) {
  return Object()
      .text("finding", name(f.finding))
      .raw("at", place_json(f.at))
      .text("detail", f.detail)
      .done();
}

}  // namespace

std::string to_json(const Report& r) {
  const std::string log = Object()
                              .text("origin", r.origin)
                              .text("id", to_hex(r.log_id))
                              .number("size", r.tree.size)
                              .text("root", to_hex(r.tree.root))
                              .done();
  Object anchors;
  anchors.number("counter", r.counter_anchors)
      .number("quote", r.quote_anchors)
      .time("newest", r.newest_anchor_ns);
  if (r.mode) {
    anchors.text("mode", *r.mode == Mode::a ? "a" : "b");
  } else {
    anchors.raw("mode", "null");
  }
  // Only where it is known: verdicts that were given before it could be known stay what they were.
  if (r.locked_from_outside.value_or(false)) anchors.text("locked_from", "outside");
  anchors.raw("final_through", r.final_through ? final_through(*r.final_through) : "null");
  Object tpm;
  tpm.text("kind", name(r.tpm_kind))
      .text("manufacturer", r.tpm_manufacturer)
      .text("model", r.tpm_model)
      .text("identity", r.identity);
  // As locked_from: only where there is something to say.
  if (r.enrolment_claimed) tpm.text("identity_claimed", "ek-chain");
  Object verdict;
  verdict.text("schema", "stele.verdict/1")
      .text("conclusion", name(r.conclusion))
      .text("integrity", name(r.integrity))
      .text("completeness", name(r.completeness))
      .text("freshness", name(r.freshness))
      .text("platform", name(r.platform))
      .raw("log", log)
      .raw("coverage", coverage(r.coverage))
      .raw("anchors", anchors.done())
      .raw("tpm", tpm.done())
      .raw("boots", boots(r.boots))
      .raw("defects", array(r.defects, defect))
      .raw("findings", array(r.findings, finding))
      .text("what", name(r.what))
      .raw("held", r.held ? held(*r.held) : "null")
      .number("defect_count", r.defect_count)
      .number("finding_count", r.finding_count);
  if (r.checkpoint) verdict.raw("checkpoint", checkpoint(*r.checkpoint));
  if (r.witnesses) verdict.raw("witness", witnesses(*r.witnesses));
  if (!r.foreign_windows.empty()) {
    verdict.raw("foreign_extends", array(r.foreign_windows, foreign_window));
  }
  if (r.held_receipts) verdict.number("held_receipts", *r.held_receipts);
  return verdict.done();
}

}  // namespace stele::attest
