// Goal: a trust file pins exactly what it says: every line read and written back unchanged, every
// other line refused with its number, and an auditor's signature counts when it is asked for.
// Method: the example's lines, each left out, doubled, swapped, renamed and given wrong values; a
// note signed by a key of the test's own, every byte of it changed.
#include "attest/trust.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "attest/boot/policy_text.h"
#include "attest/trust_limits.h"
#include "tests/support/examples.h"

namespace stele::attest {
namespace {

std::vector<std::string> example_lines() {
  const std::string text = to_text(test::example_trust());
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// That the text is refused, at this line (counted from 1), and that a person is told why.
void expect_refused(const std::string& text, std::size_t line, const std::string& why = {}) {
  const auto read = parse_trust(text);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(read.error().fault, Fault::trust_malformed) << text;
  EXPECT_EQ(read.error().at.what, Place::What::line);
  EXPECT_EQ(read.error().at.value, line) << read.error().detail;
  EXPECT_NE(read.error().detail.find(why), std::string::npos) << read.error().detail;
}

// The example with another value of one key.
std::string with(const std::string& key, const std::string& value) {
  auto lines = example_lines();
  for (std::string& line : lines) {
    if (line.starts_with(key + " ")) line = key + " " + value;
  }
  return joined(lines);
}

std::size_t line_of(const std::string& key) {
  const auto lines = example_lines();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with(key + " ")) return i + 1;
  }
  throw std::runtime_error("no key " + key);
}

TEST(TrustFile, IsReadAndWrittenBackUnchanged) {
  TrustFile trust = test::example_trust();
  for (const TpmKind kind : {TpmKind::discrete, TpmKind::firmware, TpmKind::virtual_,
                             TpmKind::simulator, TpmKind::unknown}) {
    for (const Mode mode : {Mode::a, Mode::b}) {
      for (const std::string& model : {std::string(), std::string("two words"), std::string(255, 'x'),
                                       std::string("\xc3\xa8 \\ =")}) {
        trust.tpm_kind = kind;
        trust.mode = mode;
        trust.tpm_model = trust.tpm_manufacturer = model;
        trust.base_reset = trust.base_restart = mode == Mode::a ? 0 : ~0u;
        trust.first_counter = trust.base_firmware = mode == Mode::a ? 0 : ~std::uint64_t{0};
        const std::string text = to_text(trust);
        const auto read = parse_trust(text);
        ASSERT_TRUE(read) << read.error().detail;
        EXPECT_EQ(*read, trust);
        EXPECT_EQ(to_text(*read), text);
      }
    }
  }
}

TEST(TrustFile, GivesTheIdentityToVerifyWith) {
  const TrustFile trust = test::example_trust();
  const auto identity = trust.identity();
  ASSERT_TRUE(identity) << identity.error().detail;
  EXPECT_EQ(identity->ak.encoded(), trust.ak);
  EXPECT_EQ(identity->counter_name, trust.counter_name);
  EXPECT_EQ(identity->extend_name, trust.extend_name);
  EXPECT_EQ(identity->pcr, trust.pcr);
  TrustFile unfit = trust;
  unfit.ak[5] ^= 1;
  ASSERT_FALSE(unfit.identity());
  EXPECT_EQ(unfit.identity().error().fault, Fault::ak_unfit);
}

TEST(TrustFile, AMissingKeyIsRefusedWithTheLineWhereItBelongs) {
  const auto lines = example_lines();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto without = lines;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    expect_refused(joined(without), i + 1);
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    expect_refused(joined({lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(i)}), i + 1,
                   "missing: ");
  }
}

TEST(TrustFile, AKeyTwiceIsRefusedWithTheSecondsLine) {
  const auto lines = example_lines();
  for (std::size_t i = 1; i < lines.size(); ++i) {
    auto twice = lines;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines[i]);
    expect_refused(joined(twice), i + 2, i + 1 < lines.size() ? "before" : "after the last key");
  }
}

TEST(TrustFile, AnUnknownKeyIsRefusedWithItsLine) {
  const auto lines = example_lines();
  for (std::size_t i = 1; i < lines.size(); ++i) {
    auto more = lines;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(i), "colour blue");
    expect_refused(joined(more), i + 1, "unknown key");
  }
  expect_refused(joined(lines) + "colour blue\n", lines.size() + 1);
}

TEST(TrustFile, KeysInAnotherOrderAreRefused) {
  const auto lines = example_lines();
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    auto swapped = lines;
    std::swap(swapped[i], swapped[i + 1]);
    expect_refused(joined(swapped), i + 1);
  }
}

TEST(TrustFile, LinesAreExact) {
  const auto lines = example_lines();
  for (std::size_t i = 1; i < lines.size(); ++i) {
    for (const std::string& bent : {" " + lines[i], lines[i] + "\r", lines[i] + "\x01"}) {
      auto changed = lines;
      changed[i] = bent;
      expect_refused(joined(changed), i + 1);
    }
    auto two_spaces = lines;
    two_spaces[i].insert(two_spaces[i].find(' '), " ");
    if (!lines[i].starts_with("tpm_m")) expect_refused(joined(two_spaces), i + 1);
    auto no_value = lines;
    no_value[i].resize(no_value[i].find(' '));
    expect_refused(joined(no_value), i + 1, "without a value");
  }
  std::string text = joined(lines);
  text.pop_back();
  expect_refused(text, lines.size(), "does not end");
  expect_refused("", 1);
  expect_refused("stele-trust 3\n" + joined({lines.begin() + 1, lines.end()}), 1);
}

TEST(TrustFile, ValuesOutOfTheirRangeAreRefusedWithTheirLine) {
  const std::string hash64(64, '0');
  const std::pair<const char*, std::vector<std::string>> cases[] = {
      {"origin", {"", "a b", "a+b", std::string(256, 'a'), "\xc3\xa8"}},
      {"log_id", {"", "00", hash64 + "00", hash64.substr(1) + "A", hash64.substr(1) + "g"}},
      {"era", {"", "-1", "01", "4294967296", "0x1"}},
      {"mode", {"", "c", "A", "ab"}},
      {"ak", {"", "0", "00A0", "0g", std::string(1026, '0')}},
      {"counter_name", {"", "000b", "000b" + hash64 + "00", "000c" + hash64}},
      {"extend_name", {"", "000b", "000b" + hash64 + "00", "010b" + hash64}},
      {"pcr", {"", "7", "10", "16", "23", "24", "256", "012"}},
      {"first_counter", {"", "-1", "18446744073709551616"}},
      {"first_extend", {"", "00", hash64 + "00"}},
      {"base_reset", {"", "4294967296"}},
      {"base_restart", {"", "4294967296"}},
      {"base_firmware", {"", "0", "000000000000000A", "00000000000000000"}},
      {"quote_interval_ms", {"", "0", "86400001"}},
      {"max_quote_gap", {"", "0", "10001"}},
      {"heartbeat_s", {"", "0", "31622401"}},
      {"slack_ms", {"", "86400001"}},
      {"clock_update_ms", {"", "86400001"}},
      {"tpm_kind", {"", "Discrete", "hardware", "virtual_"}},
      {"tpm_manufacturer", {std::string(256, 'x'), "\xff", "\x7f"}},
      {"tpm_model", {std::string(256, 'x'), "\xc3", "a\tb"}},
  };
  EXPECT_EQ(std::size(cases) + 1, example_lines().size());
  for (const auto& [key, values] : cases) {
    for (const std::string& value : values) expect_refused(with(key, value), line_of(key));
  }
  EXPECT_TRUE(parse_trust(with("heartbeat_s", "31622400")));
}

// Of that era, with all that came before, each with the same policy.
TrustFile of_era(std::uint32_t era, const std::optional<boot::BootPolicy>& policy = {}) {
  TrustFile trust = test::example_trust();
  trust.boot_policy = policy;
  trust.era = era;
  while (era > 0) {
    EarlierEra earlier;
    earlier.pins = test::example_trust();
    earlier.pins.boot_policy = policy;
    earlier.pins.era = --era;
    trust.earlier.push_back(std::move(earlier));
  }
  return trust;
}

boot::BootPolicy policy_of(std::size_t rules) {
  boot::BootPolicy policy;
  for (std::size_t i = 0; i < rules; ++i) {
    Bytes digest(32);
    digest[0] = static_cast<std::uint8_t>(i >> 8);
    digest[1] = static_cast<std::uint8_t>(i);
    policy.digests[4].insert(std::move(digest));
  }
  return policy;
}

TEST(TrustFile, PinsSixtyFourErasAndNotOneMore) {
  const TrustFile trust = of_era(kMaxEra);
  const std::string text = to_text(trust);
  const auto read = parse_trust(text);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(*read, trust);
  expect_refused(to_text(of_era(kMaxEra + 1)), line_of("era"));
  // Nor is what stands behind the last era looked at.
  expect_refused(text + to_text(of_era(0)), 1 + static_cast<std::size_t>(
                                                    std::count(text.begin(), text.end(), '\n')));
}

TEST(TrustFile, IsNoLongerThanWhatAReaderHolds) {
  const TrustFile fits = of_era(0, policy_of(boot::kMaxPolicyRules));
  ASSERT_LE(to_text(fits).size(), kMaxTrustFileBytes);
  const auto read = parse_trust(to_text(fits));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(*read, fits);
  const auto many = parse_trust(to_text(of_era(kMaxEra, policy_of(100))));
  EXPECT_TRUE(many) << many.error().detail;
  const std::string large = to_text(of_era(1, policy_of(boot::kMaxPolicyRules)));
  ASSERT_GT(large.size(), kMaxTrustFileBytes);
  expect_refused(large, 1, "at most 1048576 bytes");
  expect_refused(std::string(kMaxTrustFileBytes + 1, '\n'), 1, "at most 1048576 bytes");
}

TEST(TrustFile, ASignedOneIsTheSameFile) {
  const TrustFile trust = test::example_trust();
  const test::NoteSigner auditor = test::example_auditor();
  const std::string text = to_text(auditor.note(to_text(trust)));
  const auto with_key = parse_trust(text, to_text(auditor.key()));
  ASSERT_TRUE(with_key) << with_key.error().detail;
  EXPECT_EQ(*with_key, trust);
  const auto without_key = parse_trust(text);
  ASSERT_TRUE(without_key);
  EXPECT_EQ(*without_key, trust);
}

Fault fault_under(const std::string& text, const std::string& key) {
  const auto read = parse_trust(text, key);
  EXPECT_FALSE(read);
  return read ? Fault::kind_unknown : read.error().fault;
}

TEST(TrustFile, ASignatureThatWasAskedForMustBeThereAndRight) {
  const std::string lines = to_text(test::example_trust());
  const test::NoteSigner auditor = test::example_auditor(), other("auditor.example", 8);
  const std::string key = to_text(auditor.key());
  EXPECT_EQ(fault_under(lines, key), Fault::trust_signature);
  EXPECT_EQ(fault_under(to_text(other.note(lines)), key), Fault::trust_signature);
  EXPECT_EQ(fault_under(to_text(auditor.note(lines)), to_text(other.key())), Fault::trust_signature);
  EXPECT_EQ(fault_under(to_text(auditor.note(lines)), "no key"), Fault::trust_signature);
  Note moved = auditor.note(lines);
  moved.text = with("pcr", "13");
  EXPECT_EQ(fault_under(to_text(moved), key), Fault::trust_signature);
  EXPECT_EQ(fault_under(to_text(auditor.note("not a trust file\n")), key), Fault::trust_malformed);
  EXPECT_EQ(fault_under(lines + "\n", key), Fault::trust_malformed);
}

TEST(TrustFile, EveryChangedByteOfASignedOneIsRefused) {
  const test::NoteSigner auditor = test::example_auditor();
  const std::string key = to_text(auditor.key());
  const std::string text = to_text(auditor.note(to_text(test::example_trust())));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    EXPECT_FALSE(parse_trust(changed, key)) << at;
    EXPECT_FALSE(parse_trust(std::string_view(text).substr(0, at), key)) << at;
  }
}

TEST(TrustFileDeathTest, ATextThatWouldForgeALineIsABug) {
  TrustFile trust = test::example_trust();
  trust.tpm_model = "x\norigin other";
  EXPECT_DEATH(to_text(trust), "ENSURE");
}

TEST(TrustFile, SaysThatAnEnrolmentMadeItBeforeAllElseThatVersion2Holds) {
  TrustFile trust = test::example_trust();
  trust.mode = Mode::a;
  const std::string without = to_text(trust);
  const auto second = [](std::string first) { return first.replace(0, 13, "stele-trust 2"); };
  trust.enrolled = true;
  EXPECT_EQ(to_text(trust), second(without) + "identity ek-chain\n");
  trust.locked_from_outside = true;
  const std::string text = to_text(trust);
  EXPECT_EQ(text, second(without) + "identity ek-chain\nlocked_from outside\n");
  ASSERT_TRUE(parse_trust(text));
  EXPECT_EQ(*parse_trust(text), trust);
  const std::size_t line = example_lines().size() + 1;
  for (const char* other : {"identity\n", "identity pinned-key\n", "identity ek-chain",
                            "identity  ek-chain\n", "identity_ek-chain\n"}) {
    expect_refused(second(without) + other, line);
  }
  expect_refused(without + "identity ek-chain\n", line);
  expect_refused(second(without) + "locked_from outside\nidentity ek-chain\n", line + 1);
  expect_refused(second(without) + "identity ek-chain\nidentity ek-chain\n", line + 1);
}

TEST(TrustFile, SaysThatItWasLockedFromOutsideInModeAAlone) {
  TrustFile trust = test::example_trust();
  trust.mode = Mode::a;
  const std::string without = to_text(trust);
  EXPECT_FALSE(parse_trust(without)->locked_from_outside);
  trust.locked_from_outside = true;
  const std::string text = to_text(trust);
  const auto second = [](std::string first) { return first.replace(0, 13, "stele-trust 2"); };
  EXPECT_EQ(text, second(without) + "locked_from outside\n");
  const auto read = parse_trust(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, trust);
  const std::size_t line = example_lines().size() + 1;
  for (const char* other : {"locked_from\n", "locked_from inside\n", "locked_from outside",
                            "locked_from  outside\n", "locked_from_outside\n"}) {
    expect_refused(second(without) + other, line);
  }
  expect_refused(without + "locked_from outside\n", line);
  expect_refused(second(without), line, "version 2");
  expect_refused(text + "locked_from outside\n", line + 1);
  const auto lines = example_lines();
  expect_refused(joined(lines) + "x\n", line);
  TrustFile open = trust;
  open.mode = Mode::b;
  open.locked_from_outside = false;
  expect_refused(second(to_text(open)) + "locked_from outside\n", line, "only mode a");
}

}  // namespace
}  // namespace stele::attest
