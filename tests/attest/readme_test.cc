// Goal: the examples in attest/README.md are what the code writes, so that a second verifier can be
// built on them. Method: every fenced block "example NAME" there (hex, white space, # comments) and
// "example-text NAME" (as it stands) is compared with the example made by the encoders; both sides
// must have the same names.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "attest/boot/policy_text.h"
#include "attest/codec.h"
#include "attest/evidence/writer.h"
#include "attest/receipt.h"
#include "attest/tlog_proof.h"
#include "tests/support/examples.h"
#include "tests/support/paper_witnesses.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

// NAME -> the block's bytes as hex, or its text.
using Blocks = std::map<std::string, std::string>;

std::string hex_of(std::string line) {
  line.resize(std::min(line.find('#'), line.size()));
  std::erase_if(line, [](char c) { return c == ' '; });
  return line;
}

Blocks blocks_of(const std::string& markdown) {
  static constexpr std::string_view kHex = "```example ", kText = "```example-text ";
  Blocks blocks;
  std::string* block = nullptr;
  bool is_hex = false;
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) {
    if (line == "```") {
      block = nullptr;
    } else if (line.starts_with(kHex) || line.starts_with(kText)) {
      is_hex = line.starts_with(kHex);
      block = &blocks[line.substr(is_hex ? kHex.size() : kText.size())];
    } else if (block != nullptr) {
      *block += is_hex ? hex_of(line) : line + "\n";
    }
  }
  return blocks;
}

// A read-back's TPMS_ATTEST for the example statement, and the receipt around it.
Receipt example_receipt(const TpmIdentity& identity, const Hash& digest, const Hash& extend) {
  AuditPart audit{8, extend, {{}, test::filled(0x44).bytes, test::filled(0x55).bytes}};
  Writer(audit.signed_attestation.attest)
      .u32(kTpmGenerated)
      .u16(kAttestSessionAudit)
      .sized16(identity.ak.qualified_name())
      .sized16(read_back_extra_data(digest))
      .u64(90'000)
      .u32(1000)
      .u32(3)
      .u8(1)
      .u64(0x2022'0001)
      .u8(1)
      .sized16(read_session_digest(identity, 8, extend));
  return {ReceiptKind::read_back, digest, audit, {}};
}

// Behind the example statement's tree of one leaf: a remark, the example record, two left out.
Bytes example_evidence(const Hash& log_id, const Hash& digest) {
  Bytes out;
  EvidenceWriter writer(
      [&out](ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); });
  writer.write(StartPart{log_id, digest, CompactRange::restore(1, {test::filled(0x11)}).value()});
  const Bytes remark = encode(test::example_remark());
  writer.write(EntryPart{static_cast<std::uint8_t>(EntryKind::remark), remark});
  const auto leaf = encode(test::example_leaf());
  const Bytes tlvs = test::example_tlvs();
  const Content content = test::example_content(tlvs);
  writer.write(RecordPart{{leaf, RecordView::State::present, content}});
  writer.write(ElidedPart{4, {test::filled(0x22)}});
  writer.write(EndPart{});
  return out;
}

// With a head of size 1 that a witness signed, two records left out, divided there.
Bytes example_evidence_with_heads() {
  Bytes out;
  EvidenceWriter writer(
      [&out](ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); },
      kEvidenceVersionWithHeads);
  const std::string checkpoint = to_text(test::example_checkpoint());
  Note note{checkpoint, {cosign(test::signer_of(3, "w.example"), checkpoint, 1'763'884'800)}};
  const std::string text = to_text(test::heads_of({note}));
  writer.write(HeadsPart{view(text)});
  writer.write(ElidedPart{1, {leaf_hash(encode(test::example_leaf()))}});
  writer.write(ElidedPart{2, {test::filled(0x22)}});
  writer.write(EndPart{});
  return out;
}

// The example record, alone in its tree, under the example receipt and its log's signature.
std::string example_tlog_proof(const Receipt& receipt) {
  Proof proof;
  proof.leaf = encode(test::example_leaf());
  proof.statement = encode(test::example_statement());
  proof.receipt = receipt;
  const Checkpoint checkpoint = test::example_checkpoint();
  const test::NoteSigner log(checkpoint.origin, 7);
  return to_text(*make_tlog_proof(proof, log.note(to_text(checkpoint))));
}

Blocks examples() {
  const Bytes tlvs = test::example_tlvs();
  const Content content = test::example_content(tlvs);
  const auto leaf = encode(test::example_leaf());
  const Bytes genesis = encode(test::example_genesis());
  const auto statement = encode(test::example_statement());
  const Hash digest = statement_digest(statement);
  const test::NoteSigner auditor = test::example_auditor();
  const std::string checkpoint = to_text(test::example_checkpoint());
  const TpmIdentity identity = test::example_trust().identity().value();
  const Hash next_extend = extended(first_extend(genesis), digest);
  return {
      {"ak", to_hex(identity.ak.encoded())},
      {"ek", to_hex(test::example_ek())},
      {"enrolment-request", to_hex(encode(test::example_identity_request()))},
      {"qualified-name", to_hex(identity.ak.qualified_name())},
      {"full-session-digest", to_hex(full_session_digest(identity, digest, 8, next_extend))},
      {"read-session-digest", to_hex(read_session_digest(identity, 8, next_extend))},
      {"receipt", to_hex(encode(example_receipt(identity, digest, next_extend)))},
      {"salt", to_hex(content.salt)},
      {"tlvs", to_hex(tlvs)},
      {"bytes", to_hex(content.bytes)},
      {"commitment", to_hex(commit(content))},
      {"leaf", to_hex(leaf)},
      {"leaf-hash", to_hex(leaf_hash(leaf))},
      {"empty-root", to_hex(empty_tree().root)},
      {"genesis", to_hex(genesis)},
      {"log-id", to_hex(log_id(genesis))},
      {"genesis-digest", to_hex(genesis_digest(genesis))},
      {"first-extend", to_hex(first_extend(genesis))},
      {"statement", to_hex(statement)},
      {"digest", to_hex(digest)},
      {"next-extend", to_hex(extended(first_extend(genesis), digest))},
      {"next-chain-head", to_hex(extended(log_id(genesis), digest))},
      {"void", to_hex(encode(test::example_voided()))},
      {"remark", to_hex(encode(test::example_remark()))},
      {"evidence-bundle", to_hex(example_evidence(log_id(genesis), digest))},
      {"evidence-bundle-with-heads", to_hex(example_evidence_with_heads())},
      {"trust", to_text(test::example_trust())},
      {"acknowledged", to_text(test::example_acknowledged())},
      {"boot-policy", boot::to_text(test::example_boot_policy())},
      {"checkpoint", to_text(auditor.note(checkpoint))},
      {"note-key", to_text(auditor.key()) + "\n"},
      {"tlog-proof", example_tlog_proof(example_receipt(identity, digest, next_extend))},
  };
}

TEST(Readme, ShowsTheBytesThatTheCodeWrites) {
  const Blocks shown = blocks_of(test::read_file(STELE_SOURCE_DIR "/attest/README.md"));
  const Blocks written = examples();
  for (const auto& [name, bytes] : written) {
    const auto found = shown.find(name);
    const bool is_there = found != shown.end();
    EXPECT_TRUE(is_there) << "no example " << name << ": " << bytes;
    if (is_there) {
      EXPECT_EQ(found->second, bytes) << name;
    }
  }
  EXPECT_EQ(shown.size(), written.size());
}

TEST(Readme, NamesEveryFaultWithItsVerdictAndEveryFinding) {
  const std::string page = test::read_file(STELE_SOURCE_DIR "/attest/README.md");
  for (int i = 0; i <= static_cast<int>(Fault::checkpoint_unsigned); ++i) {
    const auto fault = static_cast<Fault>(i);
    const std::string row = "| `" + std::string(name(fault)) + "` | " +
                            std::string(name(verdict_of(fault))) + ' ' +
                            std::string(name(outcome_of(fault))) + " | ";
    EXPECT_NE(page.find(row), page.npos) << row;
  }
  for (std::size_t i = 0; i < kFindingKinds; ++i) {
    const std::string row = "| `" + std::string(name(static_cast<Finding>(i))) + "` | ";
    EXPECT_NE(page.find(row), page.npos) << row;
  }
}

}  // namespace
}  // namespace stele::attest
