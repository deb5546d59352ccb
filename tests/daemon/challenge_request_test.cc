// Goal: a challenge is understood or refused as a whole; nothing in it is passed over. Method: the
// two forms and what is near them.
#include "daemon/challenge_request.h"

#include <gtest/gtest.h>

namespace stele::daemon {
namespace {

const std::string kHex(64, 'a');

TEST(Challenge, IsANonceAndPerhapsWhereToBegin) {
  const auto first = decode_challenge("{\"nonce\":\"" + kHex + "\"}");
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->since);
  const auto since =
      decode_challenge("{\"nonce\":\"" + kHex + "\",\"since\":{\"log_id\":\"" + kHex +
                       "\",\"seq\":18446744073709551615,\"digest\":\"" + kHex + "\"}}");
  ASSERT_TRUE(since);
  EXPECT_EQ(since->since->seq, ~std::uint64_t{0});
  EXPECT_FALSE(since->boot_logs);
  const auto logs = decode_challenge("{\"nonce\":\"" + kHex + "\",\"boot_logs\":true}");
  ASSERT_TRUE(logs);
  EXPECT_TRUE(logs->boot_logs && !logs->since);
  for (const auto& challenge : {*first, *since, *logs}) {
    EXPECT_EQ(*decode_challenge(to_json(challenge)), challenge);
  }
}

TEST(Challenge, IsNothingElse) {
  const std::string nonce = "{\"nonce\":\"" + kHex + "\"";
  const std::string since = nonce + ",\"since\":{\"log_id\":\"" + kHex + "\",\"digest\":\"" + kHex;
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string("{\"nonce\":1}"),
        std::string("{\"nonce\":\"aa\"}"), nonce, nonce + ",\"size\":1}",
        nonce + ",\"boot_logs\":false}", nonce + ",\"boot_logs\":1}",
        nonce + ",\"boot_logs\":true,\"x\":1}", nonce + ",\"since\":null}", nonce + ",\"since\":{}}", since + "\"}}",
        since + "\",\"seq\":-1}}", since + "\",\"seq\":1.5}}", since + "\",\"seq\":\"1\"}}",
        since + "\",\"seq\":1,\"x\":1}}", since + "\",\"seq\":18446744073709551616}}",
        nonce + "}" + std::string(kMaxChallengeBytes, ' ')}) {
    EXPECT_FALSE(decode_challenge(text)) << text;
  }
}

}  // namespace
}  // namespace stele::daemon
