// Goal: notes and checkpoints are C2SP's: what is well formed is read and written back unchanged,
// what is not is refused, and only a right signature by the right key counts.
// Method: notes signed by a key of the test's own; each rule of the specification broken once; every
// byte of a signed note changed.
#include "attest/checkpoint.h"

#include <gtest/gtest.h>

#include "attest/base64.h"
#include "attest/decimal.h"
#include "attest/utf8.h"
#include "tests/support/note_signer.h"

namespace stele::attest {
namespace {

const std::string kDash = "\xe2\x80\x94 ";

std::string signed_text(std::string_view text) {
  return to_text(test::NoteSigner("log.example/a", 7).note(text));
}

Fault fault_of_note(std::string_view bytes) {
  const auto note = parse_note(bytes);
  EXPECT_FALSE(note) << bytes;
  return note ? Fault::kind_unknown : note.error().fault;
}

TEST(Decimal, OnlyPlainNumbersAreRead) {
  EXPECT_EQ(parse_decimal("0"), 0u);
  EXPECT_EQ(parse_decimal("18446744073709551615"), ~std::uint64_t{0});
  for (const char* text : {"", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "1.", "18446744073709551616"}) {
    EXPECT_FALSE(parse_decimal(text)) << text;
  }
}

TEST(Utf8, AcceptsEveryCodePointAndNothingElse) {
  for (const char* text : {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xe2\x80\x94 a"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
                           "\xed\xa0\x80", "\xe2\x80", "\xe2\x80\x41", "\xf0\x8f\xbf\xbf",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "ok\xf0\x90\x80"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(Note, IsReadAndWrittenBackUnchanged) {
  for (const char* text : {"hello\n", "\n", "\n\n", "two\n\nparts\n", "\xc3\xa8 subito sera\n",
                           "looks like\n\n\xe2\x80\x94 log.example/a AAAA\n"}) {
    const std::string bytes = signed_text(text);
    const auto note = parse_note(bytes);
    ASSERT_TRUE(note) << text;
    EXPECT_EQ(note->text, text);
    ASSERT_EQ(note->signatures.size(), 1u);
    EXPECT_EQ(note->signatures[0].name, "log.example/a");
    EXPECT_EQ(note->signatures[0].signature.size(), 64u);
    EXPECT_EQ(to_text(*note), bytes);
  }
}

TEST(Note, WhatTheSpecificationForbidsIsRefused) {
  EXPECT_EQ(fault_of_note(""), Fault::truncated);
  EXPECT_EQ(fault_of_note("text\n"), Fault::truncated);
  EXPECT_EQ(fault_of_note("text\n\n"), Fault::truncated);
  EXPECT_EQ(fault_of_note("text\n\n" + kDash + "n AAAAAAA="), Fault::truncated);
  const std::string text = "text\n\n";
  for (const std::string& line : std::vector<std::string>{
           "-- n AAAAAAA=",                                  // another dash
           "\xe2\x80\x94" "n AAAAAAA=",                      // no space
           kDash + " AAAAAAA=", kDash + "n  AAAAAAA=",       // an empty name, two spaces
           kDash + "n", kDash + "n ",                        // no signature
           kDash + "n+m AAAAAAA=",                           // a plus
           kDash + "n\xc2\xa0m AAAAAAA=",                    // a Unicode space
           kDash + "n\xe3\x80\x80 AAAAAAA=",
           kDash + "n AAAAAA==",                             // a key hash alone
           kDash + "n AAAAAAB=",                             // not canonical
           kDash + "n AAAAAAA= ", kDash + "n AAAAAAA"}) {
    EXPECT_EQ(fault_of_note(text + line + "\n"), Fault::value_out_of_range) << line;
  }
  EXPECT_TRUE(parse_note(text + kDash + "n AAAAAAA=\n"));
  EXPECT_EQ(fault_of_note("te\txt\n\n" + kDash + "n AAAAAAA=\n"), Fault::value_out_of_range);
  EXPECT_EQ(fault_of_note("te\rxt\n\n" + kDash + "n AAAAAAA=\n"), Fault::value_out_of_range);
  EXPECT_EQ(fault_of_note("te\xffxt\n\n" + kDash + "n AAAAAAA=\n"), Fault::value_out_of_range);
}

TEST(Note, SizeAndSignaturesAreBounded) {
  const std::string line = kDash + "n AAAAAAA=\n";
  std::string many = "text\n\n";
  for (std::size_t i = 0; i < kMaxNoteSignatures; ++i) many += line;
  EXPECT_TRUE(parse_note(many));
  EXPECT_EQ(fault_of_note(many + line), Fault::value_out_of_range);
  const std::string tail = "\n\n" + line;
  EXPECT_TRUE(parse_note(std::string(kMaxNoteBytes - tail.size(), 'x') + tail));
  EXPECT_EQ(fault_of_note(std::string(kMaxNoteBytes - tail.size() + 1, 'x') + tail),
            Fault::value_out_of_range);
}

TEST(Note, ADefectNamesTheLineOfTheSignature) {
  const auto note = parse_note("one\ntwo\n\n" + kDash + "n AAAAAAA=\nwrong\n");
  ASSERT_FALSE(note);
  EXPECT_EQ(note.error().at.what, Place::What::line);
  EXPECT_EQ(note.error().at.value, 5u);
}

TEST(Note, VerifiesUnderItsKeyAlone) {
  const test::NoteSigner signer("log.example/a", 7);
  const test::NoteSigner same_name("log.example/a", 8);
  const test::NoteSigner same_key("log.example/b", 7);
  const Note note = signer.note("text\n");
  EXPECT_TRUE(verify_note(note, signer.key()));
  for (const test::NoteSigner* other : {&same_name, &same_key}) {
    const auto refused = verify_note(note, other->key());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::signature_invalid);
  }
}

TEST(Note, OtherSignaturesAreIgnoredButAFailingOneByTheKeyIsNot) {
  const test::NoteSigner signer("log.example/a", 7);
  const test::NoteSigner witness("witness.example", 9);
  Note note{"text\n", {witness.sign("text\n"), signer.sign("text\n"), witness.sign("other\n")}};
  EXPECT_TRUE(verify_note(note, signer.key()));
  EXPECT_FALSE(verify_note(note, witness.key()));
  note.signatures.push_back(signer.sign("other\n"));
  EXPECT_FALSE(verify_note(note, signer.key()));
  note.signatures = {};
  EXPECT_FALSE(verify_note(note, signer.key()));
}

TEST(Note, EveryChangedByteIsRefusedOrIgnoredAsAnotherKeys) {
  const test::NoteSigner signer("log.example/a", 7);
  const std::string bytes = signed_text("text\n\nmore\n");
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      const auto note = parse_note(changed);
      EXPECT_FALSE(note && verify_note(*note, signer.key())) << at << "." << bit;
    }
    const auto cut = parse_note(std::string_view(bytes).substr(0, at));
    EXPECT_FALSE(cut && verify_note(*cut, signer.key())) << at;
  }
}

TEST(NoteKey, IsReadAndWrittenBackUnchanged) {
  const NoteKey key = test::NoteSigner("log.example/a", 7).key();
  const auto read = parse_note_key(to_text(key));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, key.name);
  EXPECT_EQ(read->key_hash, key.key_hash);
  EXPECT_EQ(read->key, key.key);
}

TEST(NoteKey, EveryChangedCharacterIsRefused) {
  const std::string text = to_text(test::NoteSigner("log.example/a", 7).key());
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      EXPECT_FALSE(parse_note_key(changed)) << changed;
    }
    EXPECT_FALSE(parse_note_key(text.substr(0, at)));
  }
  for (const std::string& wrong : {text + "=", text + "+", " " + text, text + "\n"}) {
    EXPECT_FALSE(parse_note_key(wrong)) << wrong;
  }
}

TEST(Checkpoint, IsReadAndWrittenBackUnchanged) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    for (const std::vector<std::string>& extensions :
         {std::vector<std::string>{}, {"one"}, {"one", "two words"}}) {
      const Checkpoint checkpoint{"log.example/a", {size, hash(view("root"))}, extensions};
      const auto read = parse_checkpoint(to_text(checkpoint));
      ASSERT_TRUE(read);
      EXPECT_EQ(read->origin, checkpoint.origin);
      EXPECT_EQ(read->tree, checkpoint.tree);
      EXPECT_EQ(read->extensions, extensions);
    }
  }
}

TEST(Checkpoint, WhatTheSpecificationForbidsIsRefused) {
  const std::string root = to_base64(hash(view("root")));
  for (const std::string& text :
       std::vector<std::string>{
        "", "a", "a\n", "a\n1\n", "a\n1\n" + root,
        "\n1\n" + root + "\n", "a\n\n" + root + "\n", "a\n1\n\n", "a\n1\n" + root + "\n\n",
        "a\n1\n" + root + "\n\nb\n", "a\n01\n" + root + "\n", "a\n-1\n" + root + "\n",
        "a\n18446744073709551616\n" + root + "\n", "a\n1 \n" + root + "\n", "a\n1\nAAAA\n",
        "a\n1\n" + root + "=\n", "a\n1\n" + root.substr(0, 43) + "\n", "a\n1\n" + root + "\nb"}) {
    EXPECT_FALSE(parse_checkpoint(text)) << text;
  }
  EXPECT_TRUE(parse_checkpoint("a\n1\n" + root + "\n"));
}

}  // namespace
}  // namespace stele::attest
