// Goal: other logs' proofs, put into a tlog-proof's lines, are accepted or refused as their authors
// say, and what is of a kind that means nothing here is refused by name or left undecided, never
// taken for something else. Method: every case of the outside collections, through STELE_VECTORS.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "attest/appraiser.h"
#include "attest/base64.h"
#include "attest/tlog_proof.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

namespace json = boost::json;
using Signature = CheckpointReport::Signature;

const Bytes kEd25519Spki = *from_hex("302a300506032b6570032100");

std::string text_at(const json::value& value, const char* name) {
  return std::string(value.at(name).as_string());
}

// One entry of a sigstore bundle: the body that the log took, and its place as a tlog-proof.
struct Entry {
  Hash leaf;
  std::string tlog;
};

std::optional<json::value> parsed(const std::string& text) {
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error) return std::nullopt;
  return value;
}

std::vector<Entry> entries_of(const json::value& bundle) {
  std::vector<Entry> out;
  for (const json::value& entry : bundle.at("verificationMaterial").at("tlogEntries").as_array()) {
    const json::value* proof = entry.as_object().if_contains("inclusionProof");
    if (!proof || !proof->as_object().if_contains("checkpoint")) continue;
    std::string tlog(kTlogProofFirstLine);
    const json::value* index = proof->as_object().if_contains("logIndex");
    tlog += "index " + (index ? std::string(index->as_string()) : "0") + "\n";
    if (const json::value* hashes = proof->as_object().if_contains("hashes")) {
      for (const json::value& hash : hashes->as_array()) {
        tlog += std::string(hash.as_string()) + "\n";
      }
    }
    tlog += "\n" + text_at(proof->at("checkpoint"), "envelope");
    out.push_back({leaf_hash(*from_base64(text_at(entry, "canonicalizedBody"))), tlog});
  }
  return out;
}

// The Ed25519 keys of all logs that the collection's trust roots name; ECDSA is not known here.
std::vector<Hash> log_keys(const std::filesystem::path& root) {
  std::set<Hash> keys;
  for (const auto& file : std::filesystem::recursive_directory_iterator(root)) {
    if (file.path().filename() != "trusted_root.json") continue;
    const json::value trusted = json::parse(test::read_file(file.path()));
    for (const json::value& log : trusted.at("tlogs").as_array()) {
      const Bytes spki = *from_base64(text_at(log.at("publicKey"), "rawBytes"));
      if (spki.size() != kEd25519Spki.size() + 32) continue;
      EXPECT_TRUE(std::equal(kEd25519Spki.begin(), kEd25519Spki.end(), spki.begin()));
      Hash key;
      std::copy(spki.end() - 32, spki.end(), key.bytes.begin());
      keys.insert(key);
    }
  }
  return {keys.begin(), keys.end()};
}

// What comes of it with the key among these that has its name and key hash.
Report judged(const Entry& entry, const std::vector<Hash>& keys) {
  Options options;
  options.leaf_hash = entry.leaf;
  const auto proof = parse_tlog_proof(entry.tlog);
  for (const Hash& key : keys) {
    NoteKey named = make_note_key(proof->checkpoint.origin, key, NoteKeyType::note);
    for (const NoteSignature& line : proof->note.signatures) {
      if (line.key_hash == named.key_hash) options.log_key = named;
    }
  }
  return Appraiser::appraise_tlog_proof(entry.tlog, options);
}

TEST(TlogVectors, EntriesOfSigstoreBundlesAreInTheTreesTheirAuthorsSayAndNoOthers) {
  STELE_VECTORS_OR_SKIP(root, "merkle/sigstore-conformance");
  // Those whose place in the log is what is wrong; of the other cases only certificates,
  // time stamps or signatures of artifacts are, and none of these is a log's to say.
  const std::set<std::string> misplaced = {"checkpoint-wrong-roothash_fail",
                                           "bundle-invalid-base64-signature_fail",
                                           "incorrect-public-key_fail"};
  const std::set<std::string> without_a_place = {
      "bundle-empty-certificate-chain_fail", "bundle-malformed-json_fail",
      "bundle-negative-log-index_fail", "bundle-unknown-version_fail",
      "bundle-with-root-cert_fail"};
  const std::vector<Hash> keys = log_keys(root);
  EXPECT_GE(keys.size(), 4u);
  std::size_t cases = 0, by_ed25519 = 0, by_unknown_kinds = 0;
  for (const auto& folder : std::filesystem::directory_iterator(root / "bundle-verify")) {
    const std::filesystem::path path = folder.path() / "bundle.sigstore.json";
    if (!std::filesystem::exists(path)) continue;
    const std::string name = folder.path().filename();
    const auto bundle = parsed(test::read_file(path));
    const std::vector<Entry> entries = bundle ? entries_of(*bundle) : std::vector<Entry>();
    EXPECT_EQ(entries.empty(), without_a_place.contains(name)) << name;
    ++cases;
    for (const Entry& entry : entries) {
      const auto proof = parse_tlog_proof(entry.tlog);
      ASSERT_TRUE(proof) << name << ": " << proof.error().detail;
      EXPECT_EQ(to_text(*proof), entry.tlog) << name;
      const Report report = judged(entry, keys);
      EXPECT_EQ(report.checkpoint->record_included, !misplaced.contains(name)) << name;
      EXPECT_EQ(report.conclusion,
                misplaced.contains(name) ? Conclusion::tampered : Conclusion::undetermined)
          << name;
      const bool is_known = name.starts_with("rekor2-") || report.origin == "rekor-local" ||
                            report.origin.starts_with("log2025-");
      // An ECDSA signature is one of an unknown kind, right or wrong: ignored, and nothing claimed.
      EXPECT_EQ(report.checkpoint->signature,
                is_known ? Signature::verified : Signature::not_checked)
          << name;
      ++(is_known ? by_ed25519 : by_unknown_kinds);
    }
  }
  EXPECT_GT(by_ed25519, 15u);
  EXPECT_GT(by_unknown_kinds, 30u);
  test::used_vectors("merkle/sigstore-conformance", cases);
}

TEST(TlogVectors, ALogsSignatureThatWasMovedToAnotherHeadIsRefused) {
  STELE_VECTORS_OR_SKIP(root, "merkle/sigstore-conformance");
  const std::vector<Hash> keys = log_keys(root);
  const auto path = root / "bundle-verify/rekor2-happy-path/bundle.sigstore.json";
  Entry entry = entries_of(json::parse(test::read_file(path))).at(0);
  ASSERT_EQ(judged(entry, keys).checkpoint->signature, Signature::verified);
  entry.tlog.replace(entry.tlog.find("\n736\n"), 5, "\n737\n");
  EXPECT_EQ(judged(entry, keys).checkpoint->signature, Signature::invalid);
}

TEST(TlogVectors, ARealCheckpointUnderAnUnknownKindOfSignatureIsReadAndABorkedOneIsNotTheLogs) {
  STELE_VECTORS_OR_SKIP(root, "merkle/signed-note");
  const json::value formats = json::parse(test::read_file(root / "formats-vectors.json"));
  const std::string rome(json::parse(text_at(formats, "rome_checkpoint")).as_string());
  for (const bool borked : {false, true}) {
    const std::string tlog =
        std::string(kTlogProofFirstLine) + "index 0\n\n" + (borked ? "B0rked" : "") + rome;
    const auto proof = parse_tlog_proof(tlog);
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->checkpoint.tree.size, 115474666u);
    EXPECT_EQ(proof->note.signatures.at(0).name == proof->checkpoint.origin, !borked);
    EXPECT_EQ(judged({Hash{}, tlog}, {}).checkpoint->signature, Signature::not_checked);
  }
  // Its key is no Ed25519 key of a note's, and is refused as one.
  EXPECT_FALSE(parse_note_key(text_at(formats, "rome_vkey")));
  test::used_vectors("merkle/signed-note (in a tlog-proof)", 2);
}

// Entry bodies without a place: any bytes may be a record, and none is evidence by itself.
TEST(TlogVectors, BodiesOfRekorEntriesAreRecordsOfATreeAndNoProofs) {
  STELE_VECTORS_OR_SKIP(root, "merkle/rekor-models");
  std::vector<std::string> bodies;
  for (const auto& file : std::filesystem::directory_iterator(root)) {
    bodies.push_back(test::read_file(file.path()));
  }
  ASSERT_EQ(bodies.size(), 4u);
  for (std::size_t at = 0; at < bodies.size(); ++at) {
    EXPECT_EQ(parse_tlog_proof(bodies[at]).error().fault, Fault::bad_magic);
    EXPECT_FALSE(decode_proof(view(bodies[at])));
    const Hash left = leaf_hash(view(bodies[at])), right = leaf_hash(view(bodies[(at + 1) % 4]));
    const TreeHead pair{2, node_hash(left, right)};
    EXPECT_TRUE(verify_inclusion(0, left, pair, {right}));
    EXPECT_FALSE(verify_inclusion(1, left, pair, {right}));
    EXPECT_FALSE(verify_inclusion(0, right, pair, {right}));
  }
  test::used_vectors("merkle/rekor-models", bodies.size());
}

// SCTs, time stamps and COSE messages are other formats: none of them is a note, a proof or a key.
TEST(TlogVectors, WhatIsOfOtherFormatsIsTakenForNoneOfOurs) {
  for (const char* group : {"merkle/ct-sct", "merkle/rfc3161", "merkle/cose-wg"}) {
    STELE_VECTORS_OR_SKIP(root, group);
    std::size_t cases = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(root)) {
      if (!file.is_regular_file()) continue;
      const std::string bytes = test::read_file(file.path());
      EXPECT_EQ(parse_tlog_proof(bytes).error().fault, Fault::bad_magic) << file.path();
      EXPECT_FALSE(decode_proof(view(bytes))) << file.path();
      EXPECT_FALSE(parse_note(bytes)) << file.path();
      EXPECT_FALSE(parse_note_key(bytes)) << file.path();
      ++cases;
    }
    EXPECT_GT(cases, 5u);
    test::used_vectors(std::string(group) + " (refused)", cases);
  }
}

}  // namespace
}  // namespace stele::attest
