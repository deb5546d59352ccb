// Goal: platform passes only for boots that the policy knows, and each lie about a boot is told
// from each honest quirk. Method: logs on paper whose TPM holds what the boot's log replays to; the
// attack boots something else, or changes the log before or after its bundle; beside it the twin.
#include "attest/boot_rules.h"

#include <gtest/gtest.h>

#include "attest/boot/measurement_replay.h"
#include "tests/support/paper_boot.h"
#include "tests/support/paper_log.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

using boot::Algorithm;
using boot::BootPolicy;
using test::has;
using test::PaperEventLog;
using test::PaperLog;

constexpr Algorithm kBank = Algorithm::sha256;

Bytes sha256(std::string_view text) {
  return *boot::digest(kBank, {view(text)});
}

Bytes firmware_log(std::string_view kernel) {
  PaperEventLog log({Algorithm::sha1, kBank});
  log.event(0, 8, "firmware", "").event(4, 0x80000003, kernel, "\\EFI\\kernel");
  return log.bytes();
}

Hash to_hash(const Bytes& bytes) {
  Hash out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

// What the firmware's log would have a TPM hold.
void measure(PaperLog& log, const Bytes& event_log) {
  const auto parsed = boot::parse_event_log(event_log).value();
  const auto pcrs = *boot::replay(parsed, kBank);
  for (std::size_t pcr = 0; pcr < 8; ++pcr) log.tpm.pcrs[pcr] = to_hash(pcrs[pcr].value);
}

Bundle::ImaQuote ima_quote(const PaperLog& log, const Bundle& bundle, const Bytes& measured) {
  const auto list = boot::parse_measurement_list(measured).value();
  const Hash pcr10 = to_hash(*boot::replay(list, kBank, boot::ImaForm::own_digest));
  const Bytes attest = log.tpm.attest_quote(1u << 10, hash(pcr10), bundle_extra_data(bundle));
  return {log.tpm.sign(attest), pcr10};
}

// A start of the daemon: it keeps these logs and quotes what the TPM holds.
void start(PaperLog& log, const Bytes& event_log, const Bytes& ima = {},
           const Bytes& measured_by_ima = {}) {
  log.pass(10);
  Bundle bundle = log.tpm.bundle(log.boot_id);
  bundle.event_log_bytes = event_log.size();
  bundle.event_log_hash = hash(event_log);
  bundle.ima_bytes = ima.size();
  bundle.ima_hash = hash(ima);
  if (!ima.empty())
    bundle.ima = ima_quote(log, bundle, measured_by_ima.empty() ? ima : measured_by_ima);
  log.boot_logs[hash(event_log)] = event_log;
  log.boot_logs[hash(ima)] = ima;
  log.append(EntryKind::bundle, encode(bundle));
  log.counter();
}

PaperLog booted(const Bytes& measured, const Bytes& shown) {
  PaperLog log;
  measure(log, measured);
  start(log, shown);
  log.events(2);
  log.counter();
  return log;
}

PaperLog booted(std::string_view kernel) {
  return booted(firmware_log(kernel), firmware_log(kernel));
}

BootPolicy exact(const PaperLog& log) {
  BootPolicy policy;
  for (std::uint32_t pcr = 0; pcr < 8; ++pcr)
    policy.values[pcr] = {Bytes(log.tpm.pcrs[pcr].bytes.begin(), log.tpm.pcrs[pcr].bytes.end())};
  return policy;
}

BootPolicy digests_of_good_boot() {
  BootPolicy policy;
  policy.digests[0] = {sha256("firmware")};
  policy.digests[4] = {sha256("kernel 1")};
  return policy;
}

Report judged_boots(PaperLog log, const BootPolicy& policy) {
  log.trust.boot_policy = policy;
  return log.appraise();
}

void expect_platform(const Report& report, Outcome platform, Conclusion conclusion) {
  EXPECT_EQ(name(report.platform), name(platform)) << to_text(report);
  EXPECT_EQ(name(report.conclusion), name(conclusion)) << to_text(report);
}

TEST(BootRules, ABootThatThePolicyKnowsPasses) {
  const PaperLog log = booted("kernel 1");
  for (const BootPolicy& policy : {exact(log), digests_of_good_boot()}) {
    const Report report = judged_boots(log, policy);
    expect_platform(report, Outcome::pass, Conclusion::verified);
    EXPECT_EQ(report.finding_count, 0u) << to_text(report);
    EXPECT_EQ(report.boots.starts, 1u);
    EXPECT_EQ(report.boots.approved, 1u);
    EXPECT_NE(to_text(report).find("advisory"), std::string::npos);
  }
}

TEST(BootRules, WithoutAPolicyOrWithOneThatRecordsOnlyPlatformIsUnknownAndNothingAlarms) {
  const PaperLog log = booted("kernel 1");
  for (const Report& report : {log.appraise(), judged_boots(log, {})}) {
    expect_platform(report, Outcome::unknown, Conclusion::verified);
    EXPECT_EQ(report.finding_count, 0u) << to_text(report);
    EXPECT_EQ(report.boots.starts, 1u);
    EXPECT_EQ(report.boots.approved, 0u);
  }
  EXPECT_NE(to_text(log.appraise()).find("no boot policy"), std::string::npos);
  EXPECT_NE(to_text(judged_boots(log, {})).find("records only"), std::string::npos);
}

// The attack, and the update, which looks the same: neither passes, neither reads as tampering.
TEST(BootRules, AnotherKernelIsAFindingWithPlaceAndTime) {
  PaperLog log = booted("kernel 1");
  const BootPolicy values = exact(log);
  log.boot();
  const Bytes other = firmware_log("kernel 2");
  measure(log, other);
  start(log, other);
  for (const BootPolicy& policy : {values, digests_of_good_boot()}) {
    const Report report = judged_boots(log, policy);
    expect_platform(report, Outcome::unknown, Conclusion::verified);
    ASSERT_TRUE(has(report, Finding::unapproved_boot)) << to_text(report);
    EXPECT_EQ(report.boots.starts, 2u);
    EXPECT_EQ(report.boots.approved, 1u);
    const auto found = std::find_if(report.findings.begin(), report.findings.end(),
                                    [](auto& f) { return f.finding == Finding::unapproved_boot; });
    EXPECT_EQ(found->at.what, Place::What::anchor);
    EXPECT_EQ(found->at.value, 3u);
    EXPECT_NE(found->detail.find("PCR 4"), std::string::npos) << found->detail;
    EXPECT_NE(found->detail.find("2023-11-14T"), std::string::npos) << found->detail;
    Options options = test::trusting(log);
    options.trust->boot_policy = policy;
    options.require = {Finding::unapproved_boot};
    EXPECT_EQ(log.appraise(options).conclusion, Conclusion::undetermined);
  }
}

// After the bundle was signed: a log with an innocent kernel in place of the one that ran.
TEST(BootRules, ALogEditedAfterItsBundleIsTampering) {
  PaperLog log = booted("kernel 2");
  log.boot_logs[hash(firmware_log("kernel 2"))] = firmware_log("kernel 1");
  const Report report = judged_boots(log, digests_of_good_boot());
  expect_platform(report, Outcome::unknown, Conclusion::tampered);
  ASSERT_TRUE(has(report, Fault::boot_log_mismatch)) << to_text(report);
  EXPECT_EQ(report.integrity, Outcome::fail);
  EXPECT_EQ(log.appraise().conclusion, Conclusion::tampered);  // whatever the policy
}

// Before: root lets the daemon read the log of a boot that the policy knows.
TEST(BootRules, TheLogOfAnotherBootNeverPasses) {
  const PaperLog log = booted(firmware_log("kernel 2"), firmware_log("kernel 1"));
  const Report report = judged_boots(log, digests_of_good_boot());
  expect_platform(report, Outcome::unknown, Conclusion::verified);
  EXPECT_TRUE(has(report, Finding::unapproved_boot));
  EXPECT_TRUE(has(report, Finding::boot_log_unexplained));
  EXPECT_EQ(report.boots.unexplained, 1u);
  EXPECT_EQ(judged_boots(log, exact(booted("kernel 1"))).platform, Outcome::unknown);
}

// The twin: firmware whose log lacks an event that it extended. Its values can still be pinned.
TEST(BootRules, AnHonestLogThatDoesNotReplayIsToldAndIsNoTampering) {
  PaperLog log;
  measure(log, firmware_log("kernel 1"));
  log.tpm.pcrs[1] = hash({log.tpm.pcrs[1].bytes, sha256("not in the log")});
  start(log, firmware_log("kernel 1"));
  const Report pinned = judged_boots(log, exact(log));
  expect_platform(pinned, Outcome::pass, Conclusion::verified);
  EXPECT_TRUE(has(pinned, Finding::boot_log_unexplained));
  expect_platform(judged_boots(log, digests_of_good_boot()), Outcome::pass, Conclusion::verified);
}

TEST(BootRules, ALogThatCannotBeReadIsToldAndPassesNoRuleOnDigests) {
  Bytes cut = firmware_log("kernel 1");
  cut.pop_back();
  const PaperLog log = booted(firmware_log("kernel 1"), cut);
  expect_platform(judged_boots(log, exact(log)), Outcome::pass, Conclusion::verified);
  const Report report = judged_boots(log, digests_of_good_boot());
  expect_platform(report, Outcome::unknown, Conclusion::verified);
  EXPECT_TRUE(has(report, Finding::boot_log_unexplained));
}

TEST(BootRules, ALogThatIsNotThereIsToldAndPassesNoRuleOnDigests) {
  PaperLog log = booted("kernel 1");
  log.boot_logs.clear();
  const Report pinned = judged_boots(log, exact(log));
  expect_platform(pinned, Outcome::pass, Conclusion::verified);
  EXPECT_TRUE(has(pinned, Finding::boot_log_missing));
  expect_platform(judged_boots(log, digests_of_good_boot()), Outcome::unknown,
                  Conclusion::verified);
}

TEST(BootRules, ABundleThatNoAnchorCommitsToIsNoBoot) {
  PaperLog log = booted("kernel 1");
  const BootPolicy policy = exact(log);
  log.boot();
  measure(log, firmware_log("kernel 2"));
  log.bundle();
  const Report report = judged_boots(log, policy);
  EXPECT_EQ(report.boots.starts, 1u);
  expect_platform(report, Outcome::pass, Conclusion::verified);
  PaperLog none;
  none.bundle();
  EXPECT_EQ(judged_boots(none, policy).boots.starts, 0u);
  EXPECT_EQ(judged_boots(none, policy).platform, Outcome::unknown);
}

TEST(BootRules, ADaemonThatStartsAgainIsCountedAndSaysNothingTwice) {
  PaperLog log = booted("kernel 2");
  for (int i = 0; i < 3; ++i) start(log, firmware_log("kernel 2"));
  const Report report = judged_boots(log, digests_of_good_boot());
  EXPECT_EQ(report.boots.starts, 4u);
  EXPECT_EQ(report.finding_count, 1u) << to_text(report);
}

class MeasuredFiles : public testing::Test {
 protected:
  const Bytes firmware = firmware_log("kernel 1");
  const Bytes init = test::ima_ng("sha256", sha256("init"), "/sbin/init");
  const Bytes rootkit = test::ima_ng("sha256", sha256("rootkit"), "/sbin/rootkit");
  const Bytes open_file =
      test::ima_entry(10, Bytes(20, 0), "ima-ng", test::ima_ng_data("sha1", Bytes(20, 0), "/log"));

  static Bytes joined(Bytes one, const Bytes& two) {
    one.insert(one.end(), two.begin(), two.end());
    return one;
  }
  Report judge(const Bytes& shown, const Bytes& measured) const {
    PaperLog log;
    measure(log, firmware);
    start(log, firmware, shown, measured);
    BootPolicy policy = exact(log);
    const auto list = boot::parse_measurement_list(init).value();
    policy.digests[10] = {
        *boot::extended_by(list.entries[0], list, kBank, boot::ImaForm::own_digest)};
    return judged_boots(log, policy);
  }
};

TEST_F(MeasuredFiles, KnownOnesPassAndWhatCameAfterTheQuoteDoesNotCount) {
  expect_platform(judge(init, init), Outcome::pass, Conclusion::verified);
  expect_platform(judge(joined(init, rootkit), init), Outcome::pass, Conclusion::verified);
}

TEST_F(MeasuredFiles, AnotherFileIsUnknownAndCannotBeLeftOutOfTheList) {
  const Bytes both = joined(init, rootkit);
  const Report shown = judge(both, both);
  expect_platform(shown, Outcome::unknown, Conclusion::verified);
  EXPECT_TRUE(has(shown, Finding::unapproved_boot));
  EXPECT_FALSE(has(shown, Finding::boot_log_unexplained));
  const Report hidden = judge(init, both);
  expect_platform(hidden, Outcome::unknown, Conclusion::verified);
  EXPECT_TRUE(has(hidden, Finding::boot_log_unexplained));
}

TEST_F(MeasuredFiles, AViolationIsNoPassAndNoTampering) {
  const Bytes with_violation = joined(init, open_file);
  expect_platform(judge(with_violation, with_violation), Outcome::unknown, Conclusion::verified);
}

// Other people's logs through the whole: what replays passes, what is refused is told, none fails.
TEST(BootRulesVectors, EachLogIsExplainedOrToldWithItsFault) {
  STELE_VECTORS_OR_SKIP(tpm, "tpm");
  std::size_t explained = 0, told = 0;
  const auto judge_log = [&](const std::filesystem::path& path) {
    const std::string text = test::read_file(path);
    const Bytes shown(text.begin(), text.end());
    const auto parsed = boot::parse_event_log(shown);
    PaperLog log;
    if (parsed && parsed->has_bank(kBank)) measure(log, shown);
    start(log, shown);
    const Report report = judged_boots(log, exact(log));
    expect_platform(report, Outcome::pass, Conclusion::verified);
    // Without a SHA-256 bank a log says nothing about the quoted values, and so nothing wrong.
    EXPECT_EQ(has(report, Finding::boot_log_unexplained), !parsed.has_value() && !shown.empty())
        << path << to_text(report);
    if (!parsed && !shown.empty()) {
      EXPECT_NE(report.findings.at(0).detail.find(name(parsed.error().fault)), std::string::npos);
      ++told;
    }
    explained += parsed && parsed->has_bank(kBank);
  };
  for (const char* folder : {"eventlogs/go-tpm-tools", "eventlogs/tpm2-tools"}) {
    for (const auto& file : std::filesystem::directory_iterator(tpm / folder)) {
      if (file.path().extension() == ".bin") judge_log(file.path());
    }
  }
  for (const char* file :
       {"go-attestation/crypto_agile_eventlog", "go-attestation/sb_cert_eventlog",
        "go-attestation/short_no_action_eventlog",
        "go-attestation/ubuntu_2104_shielded_vm_no_secure_boot_eventlog",
        "keylime/create-mb-policy/binary_bios_measurements",
        "keylime/create-mb-policy/binary_bios_measurements-bogus",
        "keylime/create-mb-policy/binary_bios_measurements-empty",
        "rust-keylime/keylime-push-model-agent/test-data/uefi_log.bin",
        "quotes/gcp-windows-shielded-vm/eventlog.bin"}) {
    judge_log(tpm / file);
  }
  EXPECT_GE(explained, 12u);
  EXPECT_GE(told, 3u);
  test::used_vectors("tpm (event logs through the appraiser)", explained + told);
}

}  // namespace
}  // namespace stele::attest
