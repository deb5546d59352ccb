// An evidence bundle from anywhere: what is decoded re-encodes to itself, and is judged.
#include "attest/evidence/appraise.h"
#include "attest/evidence/writer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/examples.h"

using namespace stele::attest;

FUZZ_TARGET(evidence_bundle) {
  Bytes again;
  std::optional<EvidenceWriter> writer;
  EvidenceDecoder decoder;
  // In two pieces, so that some part lies across.
  for (const ByteView piece : {input.first(input.size() / 2), input.subspan(input.size() / 2)}) {
    decoder.feed(piece);
    while (const auto part = decoder.next()) {
      if (!writer) {
        writer.emplace(
            [&again](ByteView bytes) { again.insert(again.end(), bytes.begin(), bytes.end()); },
            decoder.version());
      }
      writer->write(*part);
    }
  }
  const bool whole = decoder.finish().has_value();
  ENSURE(!whole || stele::test::same(again, input));
  // As a visit judges it: with what is pinned, and witnesses that are believed.
  static const EvidenceOptions visit = [] {
    EvidenceOptions options;
    options.trust = stele::test::example_trust();
    options.trust->boot_policy.emplace();
    options.trust->boot_policy->digests[4].insert(Bytes(32, 7));
    options.policy = *parse_policy(
        "witness a witness.example+3176bd45+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\n"
        "quorum a\n");
    options.nonce = Hash{};
    return options;
  }();
  (void)appraise_evidence(input, visit);
  const AppraisedEvidence appraised = appraise_evidence(input, {});
  ENSURE(appraised.report.conclusion != Conclusion::verified && !appraised.memory);
  ENSURE(whole || appraised.report.defect_count > 0);
  return whole;
}
