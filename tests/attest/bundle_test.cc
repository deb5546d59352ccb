// Goal: a boot bundle verifies only as the pinned TPM quoted it.
// Method: bundles of a TPM on paper, with and without IMA; bent, truncated, every bit flipped.
#include "attest/bundle.h"

#include <gtest/gtest.h>

#include "tests/support/paper_tpm.h"

namespace stele::attest {
namespace {

using test::PaperTpm;

std::string verdict(const PaperTpm& tpm, const Bundle& bundle) {
  const auto verified = verify_bundle(encode(bundle), tpm.identity());
  return verified ? "verified" : std::string(name(verified.error().fault));
}

TEST(Bundle, SaysWhatWasQuoted) {
  PaperTpm tpm;
  tpm.provision(view("genesis"));
  tpm.extend_pcr(hash(view("x")));
  for (const bool with_ima : {false, true}) {
    const Bundle bundle = tpm.bundle({7}, with_ima);
    const Bytes bytes = encode(bundle);
    ASSERT_TRUE(decode_bundle(bytes));
    EXPECT_EQ(*decode_bundle(bytes), bundle);
    const auto verified = verify_bundle(bytes, tpm.identity());
    ASSERT_TRUE(verified) << verified.error().detail;
    EXPECT_EQ(verified->hash(), hash(bytes));
    EXPECT_EQ(verified->run(), tpm.run);
    EXPECT_EQ(verified->pcr(), tpm.pcrs.back());
    EXPECT_EQ(verified->counter(), tpm.counter);
    EXPECT_EQ(verified->extend(), tpm.extend);
    EXPECT_EQ(verified->boot_id()[0], 7);
  }
}

TEST(Bundle, CAndEAndBootIdAreSigned) {
  const PaperTpm tpm;
  Bundle bundle = tpm.bundle({});
  bundle.counter += 1;
  EXPECT_EQ(verdict(tpm, bundle), "receipt_extra_data");
  bundle = tpm.bundle({});
  bundle.extend.bytes[0] ^= 1;
  EXPECT_EQ(verdict(tpm, bundle), "receipt_extra_data");
  bundle = tpm.bundle({});
  bundle.boot_id[3] ^= 1;
  EXPECT_EQ(verdict(tpm, bundle), "receipt_extra_data");
}

TEST(Bundle, TheImaQuoteIsOverPcr10InTheSameRun) {
  PaperTpm tpm;
  Bundle bundle = tpm.bundle({}, true);
  bundle.ima->pcr10.bytes[0] ^= 1;
  EXPECT_EQ(verdict(tpm, bundle), "pcr_digest");
  bundle = tpm.bundle({}, true);
  const Hash extra = bundle_extra_data(bundle);
  bundle.ima->signed_attestation =
      tpm.sign(tpm.attest_quote(1u << 11, hash(bundle.ima->pcr10), extra));
  EXPECT_EQ(verdict(tpm, bundle), "pcr_selection");
  bundle = tpm.bundle({}, true);
  tpm.reset();
  bundle.ima = tpm.bundle({}, true).ima;
  EXPECT_EQ(verdict(tpm, bundle), "bundle_mismatch");
}

TEST(Bundle, NoTruncationVerifiesAndNoFlippedBitOfWhatIsQuoted) {
  const PaperTpm tpm;
  const Bytes good = encode(tpm.bundle({1}, true));
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_FALSE(decode_bundle(ByteView(good).first(size))) << size;
  }
  // The logs' lengths and hashes, 80 bytes, are bound by the statement that names H(bundle).
  constexpr std::size_t kLogs = 12 + 16 + 8 + 32, kLogsEnd = kLogs + 80;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    if (bit / 8 >= kLogs && bit / 8 < kLogsEnd) continue;
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(verify_bundle(bad, tpm.identity())) << "bit " << bit;
  }
}

}  // namespace
}  // namespace stele::attest
