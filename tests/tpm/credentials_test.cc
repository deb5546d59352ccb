// Goal: DIR/secrets comes back as it was written; anything else is refused with its line, without a
// crash. Method: a real AK's public area; every line missing, every byte changed, every length cut.
#include "tpm/credentials.h"

#include <gtest/gtest.h>

#include "tests/tpm/provisioned.h"

namespace stele::test {
namespace {

TEST(Credentials, ComeBackAsTheyWereWritten) {
  const Provisioned log;
  const std::string text = tpm::to_text(log.credentials());
  const auto parsed = tpm::parse_credentials(text);
  ASSERT_TRUE(parsed) << parsed.error().detail;
  EXPECT_EQ(tpm::to_text(*parsed), text);
  EXPECT_EQ(parsed->ak_auth, log.credentials().ak_auth);
  EXPECT_EQ(parsed->identity.ak.name(), log.identity().ak.name());
}

TEST(Credentials, AreRefusedWhenCutOrBent) {
  const Provisioned log;
  const std::string text = tpm::to_text(log.credentials());
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(tpm::parse_credentials(text.substr(0, length))) << length;
  }
  EXPECT_FALSE(tpm::parse_credentials(text + "pcr 12\n"));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string bent = text;
    bent[at] = bent[at] == 'G' ? 'H' : 'G';
    EXPECT_FALSE(tpm::parse_credentials(bent)) << at;
  }
  std::string upper = text;
  upper[text.find("000b") + 3] = 'B';
  EXPECT_FALSE(tpm::parse_credentials(upper));
}

}  // namespace
}  // namespace stele::test
