// Goal: a boot policy has one form, and whatever else is refused with its line and what to do.
// Method: a policy with each kind of line, written and read; its lines left out, doubled, swapped
// and bent one at a time; the same lines within a trust file, of one era and of two.
#include "attest/boot/policy_text.h"

#include <gtest/gtest.h>

#include "attest/trust.h"
#include "tests/support/examples.h"
#include "tests/support/paper_log.h"

namespace stele::attest::boot {
namespace {

BootPolicy example_policy() {
  BootPolicy policy;
  policy.values[0] = {Bytes(32, 0x11)};
  policy.values[10] = {Bytes(32, 0x11), Bytes(32, 0x12)};
  policy.digests[4] = {Bytes(32, 0xab), Bytes(32, 0xcd)};
  return policy;
}

std::string repeated(const std::string& byte) {
  std::string out;
  for (int i = 0; i < 32; ++i) out += byte;
  return out;
}

std::string hex_digest(char digit) {
  return std::string(64, digit);
}

void expect_refused(const std::string& text, std::size_t line, const std::string& why = {}) {
  const auto read = parse_policy(text);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(read.error().fault, Fault::trust_malformed);
  EXPECT_EQ(read.error().at.value, line) << text << read.error().detail;
  EXPECT_NE(read.error().detail.find(why), std::string::npos) << read.error().detail;
}

TEST(BootPolicyText, IsWrittenAsAPersonReadsItAndReadBack) {
  const std::string expected = "boot_policy rules\nboot_value 0 " + repeated("11") +
                               "\nboot_value 10 " + repeated("11") + "\nboot_value 10 " +
                               repeated("12") + "\nboot_digest 4 " + repeated("ab") +
                               "\nboot_digest 4 " + repeated("cd") + "\n";
  EXPECT_EQ(to_text(example_policy()), expected);
  EXPECT_EQ(*parse_policy(to_text(example_policy())), example_policy());
  EXPECT_EQ(to_text(BootPolicy{}), "boot_policy record\n");
  EXPECT_EQ(*parse_policy("boot_policy record\n"), BootPolicy{});
  EXPECT_EQ(rules(example_policy()), 5u);
}

TEST(BootPolicyText, EveryOtherFormIsRefusedWithItsLine) {
  const std::string rule = "boot_value 3 " + hex_digest('a') + "\n";
  expect_refused("", 1, "missing");
  expect_refused("boot_policy rules", 1, "does not end");
  expect_refused("boot_policy rules\n", 2, "without a rule");
  expect_refused("boot_policy record\n" + rule, 2, "after");
  expect_refused("boot_policy enforce\n" + rule, 1);
  expect_refused(rule, 1);
  expect_refused("boot_policy rules\n" + rule + rule, 3, "twice");
  const std::string head = "boot_policy rules\n";
  for (const std::string& bent : std::initializer_list<std::string>{
           "boot_value 8 " + hex_digest('a'), "boot_value 9 " + hex_digest('a'),
           "boot_value 12 " + hex_digest('a'), "boot_value 03 " + hex_digest('a'),
           "boot_value -1 " + hex_digest('a'), "boot_value  3 " + hex_digest('a'),
           "boot_value 3 " + hex_digest('A'), "boot_value 3 " + hex_digest('g'),
           "boot_value 3 " + hex_digest('a') + "aa", "boot_value 3 " + hex_digest('a').substr(2),
           "boot_value 3 " + hex_digest('a') + " ", "boot_value 3", std::string("boot_value"),
           "boot_event 3 " + hex_digest('a'), std::string()}) {
    expect_refused(head + bent + "\n", 2, "expected");
  }
  expect_refused(
      head + "boot_value 3 " + hex_digest('b') + "\nboot_value 3 " + hex_digest('a') + "\n", 3,
      "order");
  expect_refused(
      head + "boot_value 4 " + hex_digest('a') + "\nboot_value 3 " + hex_digest('a') + "\n", 3,
      "order");
  expect_refused(
      head + "boot_digest 3 " + hex_digest('a') + "\nboot_value 4 " + hex_digest('a') + "\n", 3,
      "order");
}

TEST(BootPolicyText, HoldsItsLimitAndNoMore) {
  BootPolicy policy;
  for (std::size_t i = 0; i < kMaxPolicyRules; ++i) {
    Bytes digest(32, 0);
    digest[30] = static_cast<std::uint8_t>(i >> 8);
    digest[31] = static_cast<std::uint8_t>(i);
    policy.digests[4].insert(digest);
  }
  EXPECT_EQ(*parse_policy(to_text(policy)), policy);
  expect_refused(to_text(policy) + "boot_digest 5 " + hex_digest('0') + "\n", kMaxPolicyRules + 2,
                 "more than");
}

TEST(BootPolicyText, AFileWithAPolicyIsVersion2AndOneWithoutIsVersion1) {
  TrustFile trust = test::example_trust();
  EXPECT_TRUE(to_text(trust).starts_with("stele-trust 1\n"));
  for (const BootPolicy& policy : {BootPolicy{}, example_policy()}) {
    trust.boot_policy = policy;
    const std::string text = to_text(trust);
    EXPECT_TRUE(text.starts_with("stele-trust 2\n"));
    EXPECT_TRUE(text.ends_with(to_text(policy)));
    const auto read = parse_trust(text);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, trust);
  }
}

// Version 1 with a policy, version 2 without one: one content has one form.
TEST(BootPolicyText, TheVersionAndTheLinesMustFit) {
  TrustFile trust = test::example_trust();
  const std::string plain = to_text(trust);
  const auto refused = [](const std::string& text, std::size_t line) {
    const auto read = parse_trust(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().at.value, line) << read.error().detail;
  };
  const auto lines = static_cast<std::size_t>(std::count(plain.begin(), plain.end(), '\n'));
  refused("stele-trust 2" + plain.substr(13), lines + 1);
  refused(plain + "boot_policy record\n", lines + 1);
  refused("stele-trust 3" + plain.substr(13), 1);
  trust.boot_policy = example_policy();
  std::string bent = to_text(trust);
  bent[bent.size() - 2] = 'x';
  refused(bent, lines + 6);
}

TEST(BootPolicyText, EachEraHasItsOwn) {
  test::PaperLog log = test::lived();
  log.begin_era(test::PaperTpm(), std::nullopt);
  TrustFile trust = log.trust;
  for (const bool newer : {false, true}) {
    for (const bool older : {false, true}) {
      trust.boot_policy = newer ? std::optional(example_policy()) : std::nullopt;
      trust.earlier[0].pins.boot_policy = older ? std::optional(BootPolicy{}) : std::nullopt;
      const auto read = parse_trust(to_text(trust));
      ASSERT_TRUE(read) << read.error().detail;
      EXPECT_EQ(*read, trust);
    }
  }
}

}  // namespace
}  // namespace stele::attest::boot
