// Goal: a policy passes the boots that it knows and no others, and never mistakes missing or
// foreign evidence for either. Method: one good boot on paper, whose evidence is bent in one place
// a test, each beside the benign twin that still passes.
#include "attest/boot/policy.h"

#include <gtest/gtest.h>

#include "attest/base64.h"
#include "attest/boot/measurement_replay.h"
#include "tests/support/paper_boot.h"
#include "tests/support/vectors.h"

namespace stele::attest::boot {
namespace {

using test::PaperEventLog;

constexpr Algorithm kBank = Algorithm::sha256;

Bytes sha256(std::string_view text) {
  return *digest(kBank, {view(text)});
}

PaperEventLog paper_boot(std::string_view loader) {
  PaperEventLog log({Algorithm::sha1, kBank});
  log.event(0, 8, "firmware 1", "")
      .event(4, 0x80000003, loader, "\\EFI\\loader")
      .event(4, 4, "end", "");
  return log;
}

// The evidence of a boot: what was measured, and the values that a TPM would quote for it.
struct Boot {
  explicit Boot(std::string_view loader, const Bytes& ima = {}) : paper(paper_boot(loader)) {
    log = parse_event_log(paper.bytes()).value();
    list = parse_measurement_list(ima).value();
    const auto pcrs = *replay(log, kBank);
    for (std::uint32_t pcr = 0; pcr < 8; ++pcr) evidence.quoted[pcr] = pcrs[pcr].value;
    evidence.quoted[kImaPcr] = *replay(list, kBank, ImaForm::own_digest);
    evidence.event_log = &log;
    evidence.measurements = &list;
  }
  Boot(const Boot&) = delete;

  PaperEventLog paper;
  EventLog log;
  MeasurementList list;
  BootEvidence evidence;
};

BootPolicy known_values(const Boot& boot) {
  BootPolicy policy;
  for (const std::uint32_t pcr : {0u, 4u}) policy.values[pcr] = {boot.evidence.quoted.at(pcr)};
  return policy;
}

BootPolicy known_digests() {
  BootPolicy policy;
  policy.digests[0] = {sha256("firmware 1"), sha256("firmware 2")};
  policy.digests[4] = {sha256("loader"), sha256("end")};
  return policy;
}

BootPolicy known_measurements(const MeasurementList& list) {
  BootPolicy policy;
  for (const Measurement& entry : list.entries) {
    policy.digests[kImaPcr].insert(*extended_by(entry, list, kBank, ImaForm::own_digest));
  }
  return policy;
}

void expect(const BootDecision& decision, std::vector<BootRemark> why) {
  EXPECT_EQ(decision.known(), why.empty());
  ASSERT_EQ(decision.why.size(), why.size());
  for (std::size_t i = 0; i < why.size(); ++i) {
    EXPECT_EQ(name(decision.why[i].reason), name(why[i].reason));
    EXPECT_EQ(decision.why[i], why[i])
        << "PCR " << decision.why[i].pcr << " count " << decision.why[i].count << " first "
        << decision.why[i].first;
  }
}

TEST(BootPolicy, WithoutRulesItRecordsOnly) {
  const Boot boot("loader");
  expect(decide({}, boot.evidence), {{BootReason::records_only}});
}

TEST(BootPolicy, AKnownValuePassesAndAnotherIsUnknown) {
  const Boot good("loader"), updated("loader 2");
  BootPolicy policy = known_values(good);
  expect(decide(policy, good.evidence), {});
  expect(decide(policy, updated.evidence), {{BootReason::value_not_allowed, 4}});
  policy.values[4].insert(updated.evidence.quoted.at(4));
  expect(decide(policy, updated.evidence), {});
}

TEST(BootPolicy, KnownDigestsPassInAnyMixtureAndAnotherIsNamedWithItsEvent) {
  const Boot good("loader"), evil("a loader of the attacker's");
  BootPolicy policy = known_digests();
  expect(decide(policy, good.evidence), {});
  const BootRemark foreign{BootReason::digest_not_allowed, 4, 1, evil.paper.ends()[2]};
  expect(decide(policy, evil.evidence), {foreign});
  policy.digests[4] = {sha256("end, too")};
  expect(decide(policy, good.evidence),
         {{BootReason::digest_not_allowed, 4, 2, good.paper.ends()[2]}});
}

// The attack: boot what one likes, and show the log of a good boot.
TEST(BootPolicy, TheLogOfAnotherBootDoesNotPassHoweverGoodItIs) {
  const Boot good("loader"), evil("a loader of the attacker's");
  BootEvidence mixed = evil.evidence;
  mixed.event_log = &good.log;
  BootPolicy policy = known_digests();
  expect(decide(policy, mixed), {{BootReason::log_unexplained, 4}});
}

TEST(BootPolicy, AMeasurementThatWasNotMadeIsNoPass) {
  Boot boot("loader");
  BootPolicy policy = known_digests();
  policy.digests[5] = {sha256("anything")};  // the log has no event of PCR 5
  expect(decide(policy, boot.evidence), {{BootReason::nothing_measured, 5}});
}

TEST(BootPolicy, WhatTheEvidenceLacksIsUnknown) {
  const Boot boot("loader");
  BootPolicy policy = known_digests();
  policy.values = known_values(boot).values;
  BootEvidence less = boot.evidence;
  less.event_log = nullptr;
  expect(decide(policy, less),
         {{BootReason::no_log, 0}, {BootReason::no_log, 4}});
  less = boot.evidence;
  less.quoted.erase(4);
  expect(decide(policy, less), {{BootReason::not_quoted, 4}});
  less = boot.evidence;
  less.bank = Algorithm::sm3;  // as long as SHA-256's
  expect(decide(policy, less),
         {{BootReason::not_quoted, 0}, {BootReason::not_quoted, 4}});
  less = boot.evidence;
  less.quoted[4].resize(20);
  expect(decide(policy, less), {{BootReason::not_quoted, 4}});
  const Bytes sha1_only = PaperEventLog({}).event(4, 4, "loader", "").bytes();
  const EventLog old_form = parse_event_log(sha1_only).value();
  less = boot.evidence;
  less.event_log = &old_form;
  expect(decide(policy, less),
         {{BootReason::log_cannot_tell, 0}, {BootReason::log_cannot_tell, 4}});
}

TEST(BootPolicy, MeasurementsOfKnownFilesPassAndEntriesAfterTheQuoteDoNotCount) {
  const Bytes one = test::ima_ng("sha256", sha256("init"), "/sbin/init");
  const Bytes two = test::ima_ng("sha256", sha256("rootkit"), "/sbin/rootkit");
  Bytes both = one;
  both.insert(both.end(), two.begin(), two.end());
  const Boot good("loader", one), evil("loader", both);
  BootPolicy policy = known_measurements(good.list);
  expect(decide(policy, good.evidence), {});
  expect(decide(policy, evil.evidence),
         {{BootReason::digest_not_allowed, 10, 1, one.size()}});
  BootEvidence later = good.evidence;  // quoted before the second file was measured
  later.measurements = &evil.list;
  expect(decide(policy, later), {});
  BootEvidence hidden = evil.evidence;  // quoted after it, and left out of the list
  hidden.measurements = &good.list;
  expect(decide(policy, hidden), {{BootReason::log_unexplained, 10}});
  hidden.measurements = nullptr;
  expect(decide(policy, hidden), {{BootReason::no_log, 10}});
  const Boot nothing("loader");
  expect(decide(policy, nothing.evidence), {{BootReason::nothing_measured, 10}});
}

TEST(BootPolicy, MeasurementsIntoAnotherPcrAreNotJudgedByTheRuleOfThisOne) {
  const Bytes one = test::ima_ng("sha256", sha256("init"), "/sbin/init");
  const Bytes data = test::ima_ng_data("sha256", sha256("key"), "a key ring");
  Bytes list = test::ima_entry(11, *digest(Algorithm::sha1, {data}), "ima-ng", data);
  list.insert(list.end(), one.begin(), one.end());
  const Boot boot("loader", list), alone("loader", one);
  expect(decide(known_measurements(alone.list), boot.evidence), {});
}

TEST(BootPolicy, AViolationIsNoPass) {
  Bytes list = test::ima_ng("sha256", sha256("init"), "/sbin/init");
  const std::size_t at = list.size();
  const Bytes open =
      test::ima_entry(10, Bytes(20, 0), "ima-ng", test::ima_ng_data("sha1", Bytes(20, 0), "/log"));
  list.insert(list.end(), open.begin(), open.end());
  const Boot boot("loader", list);
  BootPolicy policy = known_measurements(boot.list);  // all ones among them
  expect(decide(policy, boot.evidence), {{BootReason::violation, 10, 1, at}});
}

Bytes decoded_file(const std::filesystem::path& path) {
  std::string packed;
  for (const char c : test::read_file(path)) {
    if (c != '\n') packed.push_back(c);
  }
  return from_base64(packed).value();
}

TEST(BootPolicyVectors, AnInvalidatedListPassesNoPolicyAndItsTwinDoes) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/eventlogs/tpm2-tss");
  const std::pair<const char*, bool> cases[] = {
      {"sml-ima-sha1.b64", true},
      {"sml-ima-sha1-invalidated.b64", false},
      {"sml-ima-sig-sha256.b64", true},
      {"sml-ima-sig-sha256-invalidated.b64", false}};
  for (const auto& [file, known] : cases) {
    const auto list = parse_measurement_list(decoded_file(folder / file));
    ASSERT_TRUE(list) << file;
    BootEvidence evidence;
    evidence.measurements = &*list;
    evidence.quoted[kImaPcr] = *replay(*list, kBank, ImaForm::own_digest);
    const BootDecision decision = decide(known_measurements(*list), evidence);
    EXPECT_EQ(decision.known(), known) << file;
    if (!known) {
      ASSERT_EQ(decision.why.size(), 1u) << file;
      EXPECT_EQ(name(decision.why[0].reason), "violation") << file;
    }
  }
  test::used_vectors("tpm/eventlogs/tpm2-tss (IMA, policy)", std::size(cases));
}

}  // namespace
}  // namespace stele::attest::boot
