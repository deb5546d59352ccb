// Goal: NoteSigner makes notes that verify_note() accepts by its key and by no other, from keys as
// openssl writes them, and refuses every other key. Method: a key in PEM from a fixed seed,
// compared with the signer of the tests; keys of other kinds; changed texts.
#include "attest/note_signer.h"

#include <gtest/gtest.h>

#include "attest/base64.h"
#include "tests/support/note_signer.h"

namespace stele::attest {
namespace {

// RFC 8410: PKCS #8 of an Ed25519 key is these bytes, then its seed.
std::string pem_of(std::uint8_t seed) {
  Bytes der = *from_hex("302e020100300506032b657004220420");
  der.insert(der.end(), 32, seed);
  return "-----BEGIN PRIVATE KEY-----\n" + to_base64(der) + "\n-----END PRIVATE KEY-----\n";
}

TEST(NoteSigner, SignsWhatTheVerifierChecks) {
  const NoteSigner signer(pem_of(7), "auditor.example");
  const test::NoteSigner other("auditor.example", 7);
  EXPECT_EQ(to_text(signer.key()), to_text(other.key()));
  const Note note = signer.sign("one\ntwo\n");
  EXPECT_EQ(to_text(note), to_text(other.note("one\ntwo\n")));
  EXPECT_TRUE(verify_note(*parse_note(to_text(note)), signer.key()));
  EXPECT_FALSE(verify_note(note, NoteSigner(pem_of(8), "auditor.example").key()));
  EXPECT_FALSE(verify_note(note, NoteSigner(pem_of(7), "another.example").key()));
  Note changed = note;
  changed.text = "one\ntwe\n";
  EXPECT_FALSE(verify_note(changed, signer.key()));
}

TEST(NoteSigner, RefusesEveryOtherKeyAndBadNames) {
  EXPECT_THROW(NoteSigner("", "a.example"), std::invalid_argument);
  EXPECT_THROW(NoteSigner("-----BEGIN PRIVATE KEY-----\n", "a.example"), std::invalid_argument);
  // X25519, of the same shape.
  Bytes der = *from_hex("302e020100300506032b656e04220420");
  der.insert(der.end(), 32, 7);
  const std::string x25519 =
      "-----BEGIN PRIVATE KEY-----\n" + to_base64(der) + "\n-----END PRIVATE KEY-----\n";
  EXPECT_THROW(NoteSigner(x25519, "a.example"), std::invalid_argument);
  for (const char* name : {"", "two words", "a+b", "\n"}) {
    EXPECT_THROW(NoteSigner(pem_of(7), name), std::invalid_argument) << name;
  }
}

}  // namespace
}  // namespace stele::attest
