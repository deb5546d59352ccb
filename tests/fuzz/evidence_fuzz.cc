// Whole evidence: a trust file and steps in any order lead to a report, and only trust can verify.
//
//   sized16 trust text, then steps: 1 sized16 answer · 2 kind u8, sized16 entry · 3 state u8,
//   sized16 leaf, salt 32, sized16 content · 4 index u64: torn group · 5 number u64: torn entry ·
//   6 sized16 event log, sized16 IMA list: of the next entry
#include <utility>

#include "attest/appraiser.h"
#include "attest/codec.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

namespace {

void take_record(Reader& reader, Appraiser& appraiser) {
  RecordView record;
  record.state = static_cast<RecordView::State>(reader.u8() % 4);
  record.leaf = reader.sized16();
  record.content.salt = reader.hash();
  record.content.bytes = reader.sized16();
  const CheckedRecord checked = check_record(appraiser.size(), record);
  appraiser.records(std::span(&checked, 1));
}

}  // namespace

FUZZ_TARGET(evidence) {
  Reader reader(input);
  const ByteView text = reader.sized16();
  Options options;
  const auto trust = parse_trust({reinterpret_cast<const char*>(text.data()), text.size()});
  if (trust) options.trust = *trust;
  options.nonce = Hash{};
  options.eras_approved = true;
  const bool trusted = options.trust.has_value();
  Appraiser appraiser(std::move(options));
  BootLogs logs;
  while (reader.left() > 0 && !reader.failed()) {
    switch (reader.u8()) {
      case 1:
        appraiser.answer(reader.sized16());
        break;
      case 2: {
        const std::uint8_t kind = reader.u8();
        appraiser.entry(kind, reader.sized16(), std::exchange(logs, {}));
        break;
      }
      case 3:
        take_record(reader, appraiser);
        break;
      case 4:
        appraiser.torn_group(reader.u64());
        break;
      case 5:
        appraiser.torn_entry(reader.u64());
        break;
      case 6:
        logs.event_log = reader.sized16();
        logs.measurements = reader.sized16();
        break;
      default:
        break;
    }
  }
  const Report report = appraiser.report();
  ENSURE(to_json(report).starts_with("{\"schema\":\"stele.verdict/1\""));
  ENSURE(!to_text(report).empty());
  ENSURE(report.defects.size() <= kMaxListed && report.findings.size() <= kMaxListed);
  const bool verified = report.conclusion == Conclusion::verified;
  ENSURE(!verified || (trusted && report.freshness == Outcome::pass));
  ENSURE(verified == appraiser.memory().has_value());
  return verified;
}
