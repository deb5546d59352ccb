// Goal: what a host claims of its log before it is locked is held against its genesis and receipt,
// and what cannot be is bounded. Method: an honest claim of a real TPM's log, then stretched.
#include "tpm/relay_claim.h"

#include <gtest/gtest.h>

#include "attest/identity/claimed_intervals.h"
#include "tests/tpm/provisioned.h"

namespace stele::tpm {
namespace {

RelayHello hello_of(const test::Provisioned& log, const attest::TrustFile& trust) {
  RelayHello hello;
  hello.genesis = *log.memory.kept.genesis;
  hello.genesis_receipt = *log.memory.kept.genesis_receipt;
  hello.counter_handle = log.credentials().counter_handle;
  hello.extend_handle = log.credentials().extend_handle;
  hello.trust = attest::to_text(trust);
  return hello;
}

TEST(RelayBounds, IntervalsAreBoundedAndItIsSaid) {
  const test::Provisioned log(attest::Mode::a);
  const attest::TrustFile honest = *log.memory.trust;
  const auto taken = verify_relay_claim(hello_of(log, honest));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->trust, honest);
  EXPECT_TRUE(taken->bounded.empty());

  attest::TrustFile stretched = honest;
  stretched.quote_interval_ms = 86'400'000;
  stretched.max_quote_gap = 10'000;
  stretched.heartbeat_s = 31'622'400;
  stretched.slack_ms = stretched.clock_update_ms = 86'400'000;
  const auto bounded = verify_relay_claim(hello_of(log, stretched));
  ASSERT_TRUE(bounded);
  EXPECT_EQ(bounded->trust.quote_interval_ms, attest::kMaxClaimedQuoteMs);
  EXPECT_EQ(bounded->trust.max_quote_gap, attest::kMaxClaimedQuoteGap);
  EXPECT_EQ(bounded->trust.heartbeat_s, attest::kMaxClaimedHeartbeatS);
  EXPECT_EQ(bounded->trust.slack_ms, attest::kMaxClaimedSlackMs);
  EXPECT_EQ(bounded->trust.clock_update_ms, attest::kMaxClaimedClockMs);
  EXPECT_EQ(bounded->bounded.size(), 5u);

  attest::TrustFile another = honest;
  ++another.first_counter;
  EXPECT_FALSE(verify_relay_claim(hello_of(log, another)));
}

}  // namespace
}  // namespace stele::tpm
