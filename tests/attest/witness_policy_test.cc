// Goal: a C2SP policy is read as its specification says, its quorum is what its lines define, and
// what it forbids is refused with the line.
// Method: the specification's example; every quorum over up to four witnesses against a count made
// independently, for every set of them; each rule broken once.
#include "attest/witness/policy.h"

#include <gtest/gtest.h>

#include <bit>

#include "attest/note_signer.h"
#include "attest/witness/cosignature.h"

namespace stele::attest {
namespace {

std::string vkey(std::uint8_t seed, NoteKeyType type = NoteKeyType::cosignature) {
  Hash bytes;
  bytes.bytes.fill(seed);
  const NoteSigner signer(bytes, "w" + std::to_string(seed) + ".example");
  return type == NoteKeyType::note ? to_text(signer.key()) : to_text(cosigner_key(signer));
}

std::string witness(const std::string& name, std::uint8_t seed) {
  return "witness " + name + " " + vkey(seed) + "\n";
}

bool holds(const Policy& policy, unsigned bits) {
  std::vector<bool> cosigned;
  for (std::size_t i = 0; i < policy.witnesses.size(); ++i) cosigned.push_back(bits >> i & 1);
  return policy.holds(cosigned);
}

TEST(WitnessPolicy, TheSpecificationsExampleMeansWhatItSays) {
  const std::string text = "# two organisations\nlog " + vkey(9, NoteKeyType::note) +
                           " https://log.example/\n\n" + witness("X1", 1) + witness("X2", 2) +
                           witness("X3", 3) + " \tgroup  X-witnesses 2 X1 X2\tX3 \n" +
                           witness("Y1", 4) + witness("Y2", 5) + witness("Y3", 6) +
                           "group Y-witnesses any Y1 Y2 Y3\n"
                           "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";
  const auto policy = parse_policy(text);
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_EQ(policy->logs.at(0).url, "https://log.example/");
  for (unsigned bits = 0; bits < 64; ++bits) {
    const bool wanted = std::popcount(bits & 7u) >= 2 && (bits & 56u) != 0;
    EXPECT_EQ(holds(*policy, bits), wanted) << bits;
  }
  const auto again = parse_policy(to_text(*policy));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_text(*again), to_text(*policy));
}

TEST(WitnessPolicy, EveryThresholdOfEverySetCountsItsMembers) {
  int cases = 0;
  for (unsigned n = 1; n <= 4; ++n) {
    std::string defined;
    std::string members;
    for (unsigned i = 0; i < n; ++i) {
      const std::string name = "w" + std::to_string(i);
      defined += witness(name, static_cast<std::uint8_t>(i + 1));
      members += " " + name;
    }
    for (unsigned k = 1; k <= n; ++k) {
      for (const std::string& written : {std::to_string(k), std::string(k == 1 ? "any" : ""),
                                         std::string(k == n ? "all" : "")}) {
        if (written.empty()) continue;
        const auto policy = parse_policy(defined + "group g " + written + members + "\nquorum g\n");
        ASSERT_TRUE(policy);
        for (unsigned bits = 0; bits < (1u << n); ++bits, ++cases) {
          EXPECT_EQ(holds(*policy, bits), static_cast<unsigned>(std::popcount(bits)) >= k);
        }
      }
    }
  }
  EXPECT_GE(cases, 150);
}

TEST(WitnessPolicy, NoneAsksForNothingAndASingleWitnessForItself) {
  EXPECT_TRUE(holds(*parse_policy("quorum none\n"), 0));
  const auto single = parse_policy(witness("w", 1) + witness("v", 2) + "quorum v\n");
  EXPECT_FALSE(holds(*single, 1));
  EXPECT_TRUE(holds(*single, 2));
}

TEST(WitnessPolicy, WhatTheSpecificationForbidsIsRefusedWithItsLine) {
  const std::string two = witness("a", 1) + witness("b", 2);
  const std::vector<std::pair<std::string, std::uint64_t>> bad = {
      {"quorum a\n", 1},                                        // not defined before
      {two + "quorum a\nquorum b\n", 4},                        // twice
      {two + "group g 3 a b\nquorum g\n", 3},                   // k > n
      {two + "group g 0 a b\nquorum g\n", 3},                   // k < 1
      {two + "group g 01 a b\nquorum g\n", 3},                  // not decimal
      {two + "group g all\nquorum g\n", 3},                     // no member
      {two + "group g any a a\nquorum g\n", 3},                 // a member twice
      {two + "group g any a\ngroup h any a b\nquorum h\n", 4},  // ... of two groups
      {two + "group g any none\nquorum g\n", 3},                // none is no member
      {two + "group g any h\ngroup h any a\nquorum g\n", 3},    // defined later
      {two + "group a any b\nquorum a\n", 3},                   // one name space
      {witness("none", 1) + "quorum none\n", 1},
      {two + "witness c " + vkey(1) + "\nquorum a\n", 3},  // the same key again
      {"log " + vkey(1) + "\nquorum none\n", 1},           // a witness's key for a log
      {"witness a " + vkey(1, NoteKeyType::note) + "\nquorum a\n", 1},
      {"witnes a " + vkey(1) + "\nquorum none\n", 1},
      {two + "quorum a b\n", 3},
      {"quorum none\r\n", 1},
      {"quorum none", 1}};
  for (const auto& [text, line] : bad) {
    const auto policy = parse_policy(text);
    ASSERT_FALSE(policy) << text;
    EXPECT_EQ(policy.error().at.value, line) << text;
  }
  EXPECT_FALSE(parse_policy(two));  // no quorum
  EXPECT_FALSE(parse_policy(""));
}

}  // namespace
}  // namespace stele::attest
