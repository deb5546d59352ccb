// Goal: the auditor, and nobody without the key, reads an escrow file with the openssl command.
// Method: certificates made with openssl for each kind of key; what encrypt_escrow gives is
// decrypted by the command that the README names.
#include "attest/escrow.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

int run(const std::string& command) {
  return std::system((command + " 2>/dev/null").c_str());
}

Escrow example() {
  Escrow escrow;
  escrow.origin = "log.example/\"quoted\"";
  escrow.log_id.bytes.fill(1);
  escrow.ak_name.fill(2);
  escrow.owner_auth.fill(0xa5);
  escrow.lockout_auth.fill(0x5a);
  return escrow;
}

// Makes NAME.key and NAME.pem.
void make_certificate(const test::Scratch& scratch, const std::string& name,
                      const std::string& key) {
  ASSERT_EQ(run("openssl req -x509 -nodes -subj /CN=auditor -newkey " + key + " -keyout " +
                (scratch / (name + ".key")) + " -out " + (scratch / (name + ".pem"))),
            0);
}

TEST(Escrow, TheAuditorDecryptsItWithOpenssl) {
  const test::Scratch scratch;
  for (const std::string key : {"rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256"}) {
    make_certificate(scratch, "auditor", key);
    make_certificate(scratch, "other", key);
    const std::string sealed = encrypt_escrow(example(), test::read_file(scratch / "auditor.pem"));
    EXPECT_EQ(sealed.find(to_hex(example().owner_auth)), std::string::npos);
    std::ofstream(scratch / "escrow") << sealed;
    const std::string decrypt = "openssl cms -decrypt -inform PEM -in " + (scratch / "escrow") +
                                " -out " + (scratch / "plain") + " -inkey ";
    EXPECT_NE(run(decrypt + (scratch / "other.key") + " -recip " + (scratch / "other.pem")), 0)
        << key;
    ASSERT_EQ(run(decrypt + (scratch / "auditor.key")), 0) << key;
    EXPECT_EQ(test::read_file(scratch / "plain"), to_json(example()));
  }
}

TEST(Escrow, AKeyThatCannotEncryptIsRefused) {
  const test::Scratch scratch;
  make_certificate(scratch, "signer", "ed25519");
  EXPECT_THROW((void)encrypt_escrow(example(), test::read_file(scratch / "signer.pem")),
               std::invalid_argument);
  EXPECT_THROW((void)encrypt_escrow(example(), test::read_file(scratch / "signer.key")),
               std::invalid_argument);
  EXPECT_THROW((void)encrypt_escrow(example(), ""), std::invalid_argument);
}

}  // namespace
}  // namespace stele::attest
