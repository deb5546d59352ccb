#include "daemon/ingest/audit_stream.h"

#include "daemon/ingest/audit_events.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;
using stele::attest::ByteView;

namespace {

struct Outcome {
  bool understood = true;
  std::vector<std::string> lines;
  bool operator==(const Outcome&) const = default;
};

Outcome take_in_pieces(ByteView stream, std::size_t piece) {
  Outcome outcome;
  AuditStream audit;
  const auto line = [&](std::string_view text) {
    ENSURE(text.size() <= AuditStream::kMaxLineBytes + 64);
    outcome.lines.emplace_back(text);
  };
  while (!stream.empty() && outcome.understood) {
    const ByteView next = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(next.size());
    outcome.understood = audit.take(next, line).has_value();
  }
  if (outcome.understood) audit.finish(line);
  return outcome;
}

}  // namespace

// Byte 0: size of pieces. Lines are the same however the stream is cut, and none gets lost on its
// way through the table of events.
FUZZ_TARGET(audit_stream) {
  if (input.size() < 2) return false;
  const ByteView stream = input.subspan(1);
  const Outcome whole = take_in_pieces(stream, stream.size());
  ENSURE(whole == take_in_pieces(stream, input[0] + 1u));
  AuditEvents events(4096);
  std::vector<AuditItem> items;
  std::size_t given = 0, kept = 0;
  for (const std::string& line : whole.lines) {
    const auto stamp = parse_audit_stamp(line);
    if (!stamp || stamp->is_of_auditd() || is_single(stamp->type) || !stamp->ends_event()) {
      given += line.size();
    }
    events.take(line, {}, items);
  }
  events.finish(items);
  for (const AuditItem& item : items) {
    if (item.is_gap) continue;
    kept += item.content.size();
    if (parse_audit_stamp(item.content)) {
      kept -= static_cast<std::size_t>(std::count(item.content.begin(), item.content.end(), '\n'));
    }
  }
  ENSURE(kept <= given);
  return whole.understood && !whole.lines.empty();
}
