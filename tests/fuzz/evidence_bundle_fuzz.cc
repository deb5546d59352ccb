// An evidence bundle from anywhere: what is decoded re-encodes to itself, and is judged.
#include "attest/evidence/appraise.h"
#include "attest/evidence/writer.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(evidence_bundle) {
  Bytes again;
  EvidenceWriter writer(
      [&again](ByteView bytes) { again.insert(again.end(), bytes.begin(), bytes.end()); });
  EvidenceDecoder decoder;
  // In two pieces, so that some part lies across.
  decoder.feed(input.first(input.size() / 2));
  while (const auto part = decoder.next()) writer.write(*part);
  decoder.feed(input.subspan(input.size() / 2));
  while (const auto part = decoder.next()) writer.write(*part);
  const bool whole = decoder.finish().has_value();
  ENSURE(!whole || stele::test::same(again, input));
  const AppraisedEvidence appraised = appraise_evidence(input, {});
  ENSURE(appraised.report.conclusion != Conclusion::verified && !appraised.memory);
  ENSURE(whole || appraised.report.defect_count > 0);
  return whole;
}
