// Goal: cosignatures are C2SP's: what a witness signed is believed for the time and text that it
// signed, under its key, and nothing else is.
// Method: the specification's own examples, signatures made here, each byte of one changed.
#include "attest/witness/cosignature.h"

#include <gtest/gtest.h>

namespace stele::attest {
namespace {

constexpr const char* kText =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

NoteSigner signer(std::uint8_t seed, const std::string& name = "witness.example/w1") {
  Hash bytes;
  bytes.bytes.fill(seed);
  return NoteSigner(bytes, name);
}

TEST(Cosignature, HasTheTimeAndVerifiesUnderItsKeyAlone) {
  const NoteSigner one = signer(1);
  const NoteSignature line = cosign(one, kText, 1679315147);
  EXPECT_EQ(line.signature.size(), 72u);
  const auto time = verify_cosignature(kText, line, cosigner_key(one));
  ASSERT_TRUE(time);
  EXPECT_EQ(*time, 1679315147u);
  // The same key as a note's has another hash: a checkpoint's signature is no cosignature.
  EXPECT_NE(cosigner_key(one).key_hash, one.key().key_hash);
  NoteKey impostor = cosigner_key(signer(2));
  impostor.key_hash = line.key_hash;
  EXPECT_FALSE(verify_cosignature(kText, line, impostor));
}

TEST(Cosignature, NoBitOfItsTimeOrTextMayChange) {
  const NoteSigner one = signer(1);
  const NoteKey key = cosigner_key(one);
  const NoteSignature line = cosign(one, kText, 1679315147);
  for (std::size_t i = 0; i < line.signature.size(); ++i) {
    NoteSignature changed = line;
    changed.signature[i] ^= 1;
    EXPECT_FALSE(verify_cosignature(kText, changed, key)) << i;
  }
  std::string text = kText;
  text[text.size() - 3] ^= 1;
  EXPECT_FALSE(verify_cosignature(text, line, key));
  NoteSignature shorter = line;
  shorter.signature.pop_back();
  EXPECT_FALSE(verify_cosignature(kText, shorter, key));
  NoteSignature longer = line;
  longer.signature.push_back(0);
  EXPECT_FALSE(verify_cosignature(kText, longer, key));
}

TEST(Cosignature, TheNewestOfSeveralLinesCountsAndABadOneSpoilsTheNote) {
  const NoteSigner one = signer(1), other = signer(2, "other.example");
  Note note{kText, {cosign(one, kText, 20), cosign(other, kText, 99), cosign(one, kText, 30)}};
  EXPECT_EQ(*verify_cosigned(note, cosigner_key(one)), 30u);
  EXPECT_FALSE(*verify_cosigned(note, cosigner_key(signer(3, "third.example"))));
  note.signatures.back().signature[9] ^= 1;
  EXPECT_FALSE(verify_cosigned(note, cosigner_key(one)).has_value());
  EXPECT_EQ(*verify_cosigned(note, cosigner_key(other)), 99u);
}

TEST(Cosignature, AnswersAreSignatureLinesAndNothingElse) {
  const std::string line = to_text(cosign(signer(1), kText, 7));
  ASSERT_TRUE(parse_signature_lines(line));
  EXPECT_EQ(parse_signature_lines(line + line)->size(), 2u);
  for (const std::string& bad : {std::string(), line.substr(0, line.size() - 1), line + "\n",
                                 "\n" + line, "ok\n" + line, line + "trailing\n"}) {
    EXPECT_FALSE(parse_signature_lines(bad)) << bad;
  }
  std::string many;
  for (std::size_t i = 0; i <= kMaxCosignatures; ++i) many += line;
  EXPECT_FALSE(parse_signature_lines(many));
}

TEST(Cosignature, KeysAreOfTypeFour) {
  const NoteSigner one = signer(1);
  const std::string vkey = to_text(cosigner_key(one));
  const auto key = parse_note_key(vkey, NoteKeyType::cosignature);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_text(*key), vkey);
  EXPECT_FALSE(parse_note_key(vkey));
  EXPECT_FALSE(parse_note_key(to_text(one.key()), NoteKeyType::cosignature));
}

}  // namespace
}  // namespace stele::attest
