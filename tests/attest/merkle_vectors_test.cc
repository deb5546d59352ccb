// Goal: other people's trees, proofs, notes and checkpoints are accepted or refused as their authors
// say. Method: every case of the outside collections, found through STELE_VECTORS; where a log comes
// with its entries, its roots are recomputed from them.
#include <gtest/gtest.h>

#include <bit>
#include <boost/json.hpp>
#include <iostream>
#include <map>

#include "attest/base64.h"
#include "attest/checkpoint.h"
#include "attest/codec.h"
#include "attest/merkle.h"
#include "attest/record.h"
#include "tests/support/tally.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

namespace json = boost::json;

std::vector<std::filesystem::path> json_files(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> out;
  for (const auto& file : std::filesystem::recursive_directory_iterator(root)) {
    if (file.path().extension() == ".json") out.push_back(file.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Some cases hold other bytes in a hash's place ("don't care"). Our type cannot: a hash of those
// bytes stands in for them, equal where they are equal, so that the verifier judges these cases too
// and does not refuse them for their length.
Hash hash_of(const json::value& text) {
  const auto bytes = from_base64(text.as_string());
  if (!bytes) throw std::runtime_error("not base64");
  if (bytes->size() != 32) return hash({tag("stands in for"), *bytes});
  Hash out;
  std::copy(bytes->begin(), bytes->end(), out.bytes.begin());
  return out;
}

std::vector<Hash> proof_of(const json::value& value) {
  std::vector<Hash> out;
  if (value.is_null()) return out;
  for (const json::value& item : value.as_array()) out.push_back(hash_of(item));
  return out;
}

bool accepted_inclusion(const json::object& test) {
  // No leaf or no root at all: that a Hash is never empty is how such a claim is refused.
  if (test.at("leafHash").as_string().empty() || test.at("root").as_string().empty()) return false;
  return verify_inclusion(test.at("leafIdx").to_number<std::uint64_t>(), hash_of(test.at("leafHash")),
                          {test.at("treeSize").to_number<std::uint64_t>(), hash_of(test.at("root"))},
                          proof_of(test.at("proof")))
      .has_value();
}

bool accepted_consistency(const json::object& test) {
  return verify_consistency(
             {test.at("size1").to_number<std::uint64_t>(), hash_of(test.at("root1"))},
             {test.at("size2").to_number<std::uint64_t>(), hash_of(test.at("root2"))},
             proof_of(test.at("proof")))
      .has_value();
}

void judge_all(const std::filesystem::path& root, const std::string& group,
               bool (*accepted)(const json::object&)) {
  std::size_t right = 0, wrong = 0;
  test::Tally tally;
  for (const auto& path : json_files(root)) {
    const json::value test = json::parse(test::read_file(path));
    const bool refused = test.at("wantErr").as_bool();
    const bool taken = accepted(test.as_object());
    EXPECT_EQ(taken, !refused) << path << ": " << test.at("desc");
    ++(refused ? wrong : right);
    ++tally.injected;
    tally.missed += taken && refused;
    tally.false_alarms += !taken && !refused;
  }
  tally.report(27, group + ", others' proofs as their authors say");
  EXPECT_GT(right, 0u);
  EXPECT_GT(wrong, 0u);
  test::used_vectors(group, right + wrong);
}

TEST(MerkleVectors, InclusionProofsAreJudgedAsTheirAuthorSays) {
  STELE_VECTORS_OR_SKIP(root, "merkle/transparency-dev/inclusion");
  judge_all(root, "merkle/transparency-dev/inclusion", accepted_inclusion);
}

TEST(MerkleVectors, ConsistencyProofsAreJudgedAsTheirAuthorSays) {
  STELE_VECTORS_OR_SKIP(root, "merkle/transparency-dev/consistency");
  judge_all(root, "merkle/transparency-dev/consistency", accepted_consistency);
}

// The smallest power of two that is not below n, less one: as many low bits.
std::uint64_t low_bits(std::uint64_t n) {
  std::uint64_t bits = 0;
  while (bits < n - 1) bits = bits << 1 | 1;
  return bits;
}

// The subtree [start, end) of any tree is a tree of its own, where it can stand at all: its start is
// a multiple of the power of two that it needs.
bool accepted_subtree_inclusion(const json::object& test) {
  const auto start = test.at("start").to_number<std::uint64_t>();
  const auto end = test.at("end").to_number<std::uint64_t>();
  const auto index = test.at("leafIdx").to_number<std::uint64_t>();
  if (end <= start || (start & low_bits(end - start)) != 0 || index < start) return false;
  json::object own = test;
  own["treeSize"] = end - start;
  own["leafIdx"] = index - start;
  return accepted_inclusion(own);
}

TEST(MerkleVectors, InclusionInSubtreesIsJudgedAsTheirAuthorSays) {
  STELE_VECTORS_OR_SKIP(root, "merkle/transparency-dev/subtreeinclusion");
  judge_all(root, "merkle/transparency-dev/subtreeinclusion", accepted_subtree_inclusion);
}

// From a subtree that begins at 0 it is a consistency proof of the tree. Of nothing at all, wherever it
// is said to begin, it proves nothing: the code here refuses it, the author takes it if no more than the
// empty root is claimed. Where a subtree cannot stand there is none; the code knows none but trees, so
// the claim is refused before it. One that stands elsewhere than at 0 it could not judge: were there
// one among the cases, this test would fail and not pass over it.
TEST(MerkleVectors, ConsistencyFromSubtreesIsJudgedAsTheirAuthorSays) {
  STELE_VECTORS_OR_SKIP(root, "merkle/transparency-dev/subtreeconsistency");
  std::size_t right = 0, wrong = 0, of_trees = 0, of_nothing = 0, cannot_stand = 0;
  const auto paths = json_files(root);
  for (const auto& path : paths) {
    json::object test = json::parse(test::read_file(path)).as_object();
    const auto start = test.at("start").to_number<std::uint64_t>();
    const auto end = test.at("end").to_number<std::uint64_t>();
    ASSERT_LE(start, end) << path;
    const bool refused = test.at("wantErr").as_bool();
    test["size1"] = end - start;
    test["size2"] = test.at("size");
    if (start == end) {
      EXPECT_FALSE(accepted_consistency(test)) << path << ": " << test.at("desc");
      if (!refused) {
        EXPECT_EQ(hash_of(test.at("root1")), empty_tree().root) << path << ": more is claimed";
        EXPECT_TRUE(proof_of(test.at("proof")).empty()) << path;
      }
      ++of_nothing;
    } else if ((start & low_bits(end - start)) != 0) {
      EXPECT_TRUE(refused) << path << ": " << test.at("desc");
      ++cannot_stand;
    } else {
      ASSERT_EQ(start, 0u) << path << ": nothing here judges a subtree that stands elsewhere";
      EXPECT_EQ(accepted_consistency(test), !refused) << path << ": " << test.at("desc");
      ++of_trees;
    }
    ++(refused ? wrong : right);
  }
  EXPECT_GT(right, 0u);
  EXPECT_GT(wrong, 0u);
  EXPECT_EQ(of_trees + of_nothing + cannot_stand, paths.size());
  std::cout << "of trees " << of_trees << ", of nothing " << of_nothing << ", where none can stand "
            << cannot_stand << "\n";
  test::used_vectors("merkle/transparency-dev/subtreeconsistency", paths.size());
}

// The log's key, as it was published beside the log.
constexpr std::string_view kTesseraKey =
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
constexpr std::uint64_t kTesseraSize = 15;

// A checkpoint whose signature holds, or a failure of the test.
TreeHead vector_head(const std::string& text, const NoteKey& key) {
  const auto note = parse_note(text);
  if (!note) throw std::runtime_error("not a note: " + note.error().detail);
  EXPECT_EQ(to_text(*note), text);
  EXPECT_TRUE(verify_note(*note, key));
  const auto checkpoint = parse_checkpoint(note->text);
  if (!checkpoint) throw std::runtime_error("not a checkpoint: " + checkpoint.error().detail);
  EXPECT_EQ(to_text(*checkpoint), note->text);
  EXPECT_EQ(checkpoint->origin, key.name);
  return checkpoint->tree;
}

// tlog-tiles, "Log entries": each entry after its u16 length.
std::vector<Hash> leaf_hashes(const std::string& bundle) {
  std::vector<Hash> out;
  for (Reader reader(view(bundle)); reader.left() > 0;) {
    out.push_back(leaf_hash(reader.sized16()));
    if (reader.failed()) throw std::runtime_error("entry bundle ends early");
  }
  return out;
}

class MapReader : public HashReader {
 public:
  std::vector<Hash> read_hashes(std::span<const NodeId> ids) const override {
    std::vector<Hash> out;
    for (const NodeId& id : ids) out.push_back(nodes.at(id));
    return out;
  }
  std::map<NodeId, Hash> nodes;
};

TEST(MerkleVectors, EveryCheckpointOfAForeignLogIsSignedAndHasTheRootOfItsEntries) {
  STELE_VECTORS_OR_SKIP(root, "merkle/tessera-log");
  const auto key = parse_note_key(kTesseraKey);
  ASSERT_TRUE(key);
  std::vector<TreeHead> heads;
  for (std::uint64_t size = 0; size <= kTesseraSize; ++size) {
    const std::string number = std::to_string(size);
    heads.push_back(vector_head(test::read_file(root / ("checkpoint." + number)), *key));
    std::string tile, entries;
    if (size > 0) {
      entries = test::read_file(root / "tile/entries/000.p" / number);
      tile = test::read_file(root / "tile/0/000.p" / number);
    }
    CompactRange range;
    Bytes leaves;
    for (const Hash& leaf : leaf_hashes(entries)) {
      range.append(leaf);
      Writer(leaves).bytes(leaf);
    }
    EXPECT_EQ(heads.back(), range.head()) << size;
    EXPECT_EQ(to_hex(leaves), to_hex(view(tile))) << size;
  }
  EXPECT_EQ(vector_head(test::read_file(root / "checkpoint"), *key), heads.back());
  test::used_vectors("merkle/tessera-log", heads.size() + 1);

  MapReader reader;
  CompactRange range;
  for (const Hash& leaf : leaf_hashes(test::read_file(root / "tile/entries/000.p/15"))) {
    range.append(leaf, [&](NodeId id, const Hash& node) { reader.nodes[id] = node; });
  }
  for (std::uint64_t to = 1; to <= kTesseraSize; ++to) {
    for (std::uint64_t from = 1; from <= to; ++from) {
      EXPECT_TRUE(verify_consistency(heads[from], heads[to], prove_consistency(from, to, reader)));
      EXPECT_TRUE(verify_inclusion(from - 1, reader.nodes.at({0, from - 1}), heads[to],
                                   prove_inclusion(from - 1, to, reader)));
    }
  }
}

TEST(MerkleVectors, ForeignNotesAndCheckpointsParseAndKeysOfOtherTypesAreRefused) {
  STELE_VECTORS_OR_SKIP(notes, "merkle/signed-note");
  STELE_VECTORS_OR_SKIP(skylight, "merkle/skylight");
  const json::value formats = json::parse(test::read_file(notes / "formats-vectors.json"));
  // The note is a string within a string.
  const std::string rome(json::parse(formats.at("rome_checkpoint").as_string()).as_string());
  std::vector<std::string> good = {rome}, bad, keys = {std::string(formats.at("rome_vkey").as_string())};
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(skylight)) {
    const std::string name = entry.path().filename();
    if (entry.is_directory() || (name != "checkpoint" && !name.ends_with(".v0.json"))) continue;
    const std::string text = test::read_file(entry.path());
    ++files;
    if (name == "checkpoint") {
      (text.starts_with("decoy") ? bad : good).push_back(text);
      continue;
    }
    const json::value described = json::parse(text);
    for (const json::value& key : described.at("verifier_keys").as_array()) {
      keys.emplace_back(key.as_string());
    }
  }
  EXPECT_EQ(good.size(), 5u);
  EXPECT_EQ(bad.size(), 2u);
  EXPECT_GE(keys.size(), 4u);
  for (const std::string& text : good) {
    const auto note = parse_note(text);
    ASSERT_TRUE(note) << text;
    EXPECT_EQ(to_text(*note), text);
    const auto checkpoint = parse_checkpoint(note->text);
    ASSERT_TRUE(checkpoint) << text;
    EXPECT_EQ(to_text(*checkpoint), note->text);
  }
  for (const std::string& text : bad) EXPECT_FALSE(parse_note(text)) << text;
  // ECDSA tree heads (0x05) and witness cosignatures (0x04) are not note signatures by Ed25519.
  for (const std::string& key : keys) EXPECT_FALSE(parse_note_key(key)) << key;
  test::used_vectors("merkle/signed-note", 2);
  test::used_vectors("merkle/skylight", files);
}

}  // namespace
}  // namespace stele::attest
