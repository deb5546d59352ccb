// Goal: the lines by which an auditor acknowledges foreign extends say exactly what they say, and a
// file of version 2 may have them behind who enrolled and locked, before the boot policy, alone too.
// Method: the example's trust file with such lines, and with every bend of one; the limit and one more.
#include "attest/acknowledged.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "attest/era.h"
#include "attest/trust.h"
#include "attest/trust_limits.h"
#include "tests/support/examples.h"

namespace stele::attest {
namespace {

const std::string kHex(64, 'a');

TrustFile with_line(std::vector<AcknowledgedExtend> acknowledged) {
  TrustFile trust = test::example_trust();
  trust.acknowledged = std::move(acknowledged);
  return trust;
}

// What stands before the lines of version 2, as a file of that version.
std::string front() {
  return to_text(test::example_trust()).replace(0, 13, "stele-trust 2");
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

void expect_not_acknowledged(const std::string& text, std::size_t line, const std::string& why) {
  const auto read = parse_trust(text);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(read.error().fault, Fault::trust_malformed);
  EXPECT_EQ(read.error().at.value, line) << read.error().detail;
  EXPECT_NE(read.error().detail.find(why), std::string::npos) << read.error().detail;
}

std::vector<AcknowledgedExtend> many(std::size_t count) {
  std::vector<AcknowledgedExtend> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back({~std::uint64_t{0} - count + i, hash(view(std::to_string(i)))});
  return out;
}

TEST(Acknowledged, IsReadAndWrittenBackUnchangedInItsPlace) {
  TrustFile trust = with_line({{4, hash(view("four"))}, {17, hash(view("seventeen"))}});
  const std::string lines = "acknowledged_extend 4 " + to_hex(hash(view("four"))) +
                            "\nacknowledged_extend 17 " + to_hex(hash(view("seventeen"))) + "\n";
  EXPECT_EQ(to_text(trust), front() + lines);
  ASSERT_TRUE(parse_trust(to_text(trust)));
  EXPECT_EQ(*parse_trust(to_text(trust)), trust);
  trust.enrolled = trust.locked_from_outside = true;
  trust.boot_policy.emplace();
  const std::string text = to_text(trust);
  EXPECT_EQ(text, front() + "identity ek-chain\nlocked_from outside\n" + lines + "boot_policy record\n");
  ASSERT_TRUE(parse_trust(text));
  EXPECT_EQ(*parse_trust(text), trust);
}

TEST(Acknowledged, EveryBendOfALineIsRefusedWithItsNumber) {
  const std::size_t line = lines_of(front()) + 1;
  for (const char* bent :
       {"acknowledged_extend\n", "acknowledged_extend 4\n", "acknowledged_extend 4 \n",
        "acknowledged_other 4 aa\n", "acknowledged_\n"}) {
    expect_not_acknowledged(front() + bent, line, "acknowledged_extend SEQ HEX");
  }
  for (const std::string& value :
       {"0 " + kHex, "04 " + kHex, "-1 " + kHex, "18446744073709551616 " + kHex, "4  " + kHex,
        "4 " + kHex + "aa", "4 " + kHex.substr(2), "4 A" + kHex.substr(1), "4 g" + kHex.substr(1),
        " 4 " + kHex, "4 " + kHex + " ", "4 " + kHex + "\r", kHex + " 4", "4\t" + kHex}) {
    expect_not_acknowledged(front() + "acknowledged_extend " + value + "\n", line, "of 32 bytes");
  }
  expect_not_acknowledged(front() + "acknowledged_extend 4 " + kHex, line, "");
  const auto unended = parse_acknowledged("acknowledged_extend 4 " + kHex, 7);
  ASSERT_FALSE(unended);
  EXPECT_EQ(unended.error().at.value, 7u);
}

TEST(Acknowledged, AscendsAndHoldsNoneTwice) {
  const std::string four = "acknowledged_extend 4 " + kHex + "\n";
  const std::string five = "acknowledged_extend 5 " + kHex + "\n";
  const std::size_t second = lines_of(front()) + 2;
  EXPECT_TRUE(parse_trust(front() + four + five));
  expect_not_acknowledged(front() + five + four, second, "ascend");
  expect_not_acknowledged(front() + four + four, second, "ascend");
  // Two histories of one anchor cannot both be known.
  expect_not_acknowledged(front() + four + "acknowledged_extend 4 " + std::string(64, 'b') + "\n",
                          second, "ascend");
}

TEST(Acknowledged, StandsInNoOtherPlaceAndNotInVersion1) {
  const std::string line = "acknowledged_extend 4 " + kHex + "\n";
  const std::size_t here = lines_of(front()) + 1;
  expect_not_acknowledged(to_text(test::example_trust()) + line, here, "after the last key");
  expect_not_acknowledged(front() + line + "locked_from outside\n", here + 1, "after the last key");
  expect_not_acknowledged(front() + line + "identity ek-chain\n", here + 1, "after the last key");
  expect_not_acknowledged(front() + "boot_policy record\n" + line, here + 1, "after the last key");
}

TEST(Acknowledged, IsBounded) {
  const TrustFile most = with_line(many(kMaxAcknowledgedExtends));
  const auto read = parse_trust(to_text(most));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(*read, most);
  const std::string one_more = front() + "acknowledged_extend 1 " + kHex + "\n" +
                               to_text(most).substr(front().size());
  expect_not_acknowledged(one_more, lines_of(one_more), "more than 64");
}

// The reason of the limit: all eras may have as many.
TEST(Acknowledged, SixtyFourErasOfThemFitIntoATrustFile) {
  TrustFile trust = with_line(many(kMaxAcknowledgedExtends));
  trust.era = kMaxEra;
  for (std::uint32_t era = kMaxEra; era-- > 0;) {
    EarlierEra earlier;
    earlier.pins = with_line(many(kMaxAcknowledgedExtends));
    earlier.pins.era = era;
    trust.earlier.push_back(std::move(earlier));
  }
  ASSERT_LE(to_text(trust).size(), kMaxTrustFileBytes);
  const auto read = parse_trust(to_text(trust));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(*read, trust);
}

// What one auditor acknowledged and another did not makes no other era of it.
TEST(Acknowledged, IsNoPartOfWhichEraItIs) {
  EXPECT_TRUE(same_era(with_line({{4, Hash{}}}), test::example_trust()));
}

TEST(Acknowledged, IsForgottenWithAllElseThatOnlyAnAuditorCanSay) {
  TrustFile trust = with_line({{4, Hash{}}});
  EXPECT_TRUE(trust.says_what_only_an_auditor_can());
  trust.enrolled = trust.locked_from_outside = true;
  trust.boot_policy.emplace();
  trust.forget_what_only_an_auditor_can_say();
  EXPECT_EQ(trust, test::example_trust());
}

TEST(AcknowledgedDeathTest, OutOfOrderIsABug) {
  EXPECT_DEATH(to_text(with_line({{5, Hash{}}, {4, Hash{}}})), "ENSURE");
  EXPECT_DEATH(to_text(with_line({{0, Hash{}}})), "ENSURE");
}

}  // namespace
}  // namespace stele::attest
