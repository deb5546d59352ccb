// Goal: a firmware event log is read whole or refused with its place, and replays to the PCR values
// that a TPM would hold. Method: logs on paper, whose values the test computes by the formula; each
// rule of the format broken once; every truncation and every byte changed.
#include "attest/boot/event_log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "attest/boot/replay.h"
#include "tests/support/paper_boot.h"

namespace stele::attest::boot {
namespace {

using test::PaperEventLog;

const std::vector<Algorithm> kTwo{Algorithm::sha1, Algorithm::sha256};
constexpr std::uint32_t kAction = 0x80000007;
constexpr std::string_view kZeros{"\0\0\0\0", 4};

PaperEventLog example() {
  PaperEventLog log(kTwo);
  log.startup_locality(3)
      .event(0, 8, "version 1", "version 1")
      .event(7, 0x80000001, "SecureBoot", "a variable")
      .event(0, kSeparator, kZeros, kZeros)
      .event(4, kAction, "an image", "its path");
  return log;
}

// H(… H(initial ‖ H(first)) …), spelled out.
Bytes folded(Algorithm algorithm, std::uint8_t initial,
             std::initializer_list<std::string_view> measured) {
  Bytes value(digest_bytes(algorithm), 0);
  value.back() = initial;
  for (const std::string_view one : measured) {
    value = *digest(algorithm, {value, *digest(algorithm, {view(one)})});
  }
  return value;
}

Defect defect_of(ByteView bytes) {
  const auto log = parse_event_log(bytes);
  EXPECT_FALSE(log) << to_hex(bytes);
  return log ? Defect(Fault::kind_unknown) : log.error();
}

Bytes with(Bytes bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes.at(at + i) = static_cast<std::uint8_t>(value >> 8 * i);
  return bytes;
}

TEST(Bank, DigestsAreThoseOfTheStandards) {
  // SHA-2 and SHA-1 of "abc" (FIPS 180-4, appendices), SM3 of "abc" (GB/T 32905).
  const std::pair<Algorithm, const char*> known[] = {
      {Algorithm::sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {Algorithm::sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {Algorithm::sha384,
       "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
       "8086072ba1e7cc2358baeca134c825a7"},
      {Algorithm::sha512,
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
      {Algorithm::sm3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"}};
  for (const auto& [algorithm, expected] : known) {
    if (algorithm == Algorithm::sm3 && !can_digest(algorithm))
      continue;  // OpenSSL may be built without
    EXPECT_EQ(to_hex(*digest(algorithm, {view("a"), view("bc")})), expected) << name(algorithm);
  }
  EXPECT_FALSE(digest(Algorithm{0x27}, {view("abc")}));
}

TEST(EventLog, ReplaysEveryBankToWhatTheFormulaGives) {
  const PaperEventLog paper = example();
  const auto log = parse_event_log(paper.bytes());
  ASSERT_TRUE(log) << log.error().detail;
  EXPECT_TRUE(log->crypto_agile);
  EXPECT_EQ(log->events.size(), 5u);
  EXPECT_EQ(log->startup_locality, 3);
  for (const Algorithm bank : kTwo) {
    const auto pcrs = replay(*log, bank);
    ASSERT_TRUE(pcrs);
    EXPECT_EQ((*pcrs)[0].value, folded(bank, 3, {"version 1", kZeros})) << name(bank);
    EXPECT_EQ((*pcrs)[0].events, 2u);
    EXPECT_EQ((*pcrs)[4].value, folded(bank, 0, {"an image"}));
    EXPECT_EQ((*pcrs)[7].value, folded(bank, 0, {"SecureBoot"}));
    EXPECT_EQ((*pcrs)[1].value, Bytes(digest_bytes(bank), 0));
    EXPECT_EQ((*pcrs)[1].events, 0u);
  }
  EXPECT_FALSE(replay(*log, Algorithm::sha384)) << "a bank that the log does not have";
}

TEST(EventLog, TheOldFormIsReadToo) {
  PaperEventLog paper({});
  paper.event(0, 8, "version 1", "version 1").event(4, kSeparator, kZeros, kZeros);
  const auto log = parse_event_log(paper.bytes());
  ASSERT_TRUE(log) << log.error().detail;
  EXPECT_FALSE(log->crypto_agile);
  EXPECT_EQ((*replay(*log, Algorithm::sha1))[0].value, folded(Algorithm::sha1, 0, {"version 1"}));
  EXPECT_EQ((*replay(*log, Algorithm::sha1))[4].value, folded(Algorithm::sha1, 0, {kZeros}));
  EXPECT_FALSE(replay(*log, Algorithm::sha256));
}

TEST(EventLog, AnHcrtmEventSetsLocalityFourUnlessTheLogTellsItself) {
  PaperEventLog paper(kTwo);
  paper.event(0, kHcrtmEvent, "core root", "HCRTM");
  EXPECT_EQ((*replay(*parse_event_log(paper.bytes()), Algorithm::sha256))[0].value,
            folded(Algorithm::sha256, 4, {"core root"}));
  paper.startup_locality(0);
  EXPECT_EQ((*replay(*parse_event_log(paper.bytes()), Algorithm::sha256))[0].value,
            folded(Algorithm::sha256, 0, {"core root"}));
}

TEST(EventLog, EveryTruncationIsRefusedWithTheEventThatIsShort) {
  for (const PaperEventLog& paper :
       {example(), PaperEventLog({}).event(0, 8, "a", "a").event(4, 4, "b", "")}) {
    const auto& ends = paper.ends();
    for (std::size_t cut = 0; cut < paper.bytes().size(); ++cut) {
      const ByteView part = ByteView(paper.bytes()).first(cut);
      const auto end = std::upper_bound(ends.begin(), ends.end(), cut) - 1;
      if (cut > 0 && *end == cut) {  // a log that ends with an event is a log
        EXPECT_TRUE(parse_event_log(part)) << cut;
        continue;
      }
      const Defect defect = defect_of(part);
      EXPECT_EQ(defect.fault, Fault::truncated) << cut;
      EXPECT_EQ(defect.at.what, Place::What::byte);
      EXPECT_EQ(defect.at.value, *end) << cut;
    }
  }
}

TEST(EventLog, AChangedByteIsRefusedOrChangesTheReplayUnlessItIsInEventData) {
  const PaperEventLog paper = example();
  const auto log = parse_event_log(paper.bytes());
  ASSERT_TRUE(log);
  // Bytes that a PCR does not bind: data, and what is not extended at all.
  std::vector<bool> unbound(paper.bytes().size(), false);
  for (const Event& event : log->events) {
    const auto data = static_cast<std::size_t>(event.data.data() - paper.bytes().data());
    const std::size_t begin = event.extends() ? data : event.at;
    for (std::size_t at = begin; at < data + event.data.size(); ++at) unbound[at] = true;
  }
  std::size_t refused = 0, told_apart = 0;
  const auto original = replay(*log, Algorithm::sha1),
             original_256 = replay(*log, Algorithm::sha256);
  const auto same = [](const ReplayedBank& a, const ReplayedBank& b) {
    return std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
      return x.value == y.value && x.complete == y.complete;
    });
  };
  for (std::size_t at = paper.ends()[1]; at < paper.bytes().size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes changed = paper.bytes();
      changed[at] ^= static_cast<std::uint8_t>(1u << bit);
      const auto other = parse_event_log(changed);
      if (!other) {
        ++refused;
        continue;
      }
      if (unbound[at]) continue;
      const Event* in = nullptr;
      for (const Event& event : log->events) in = event.at <= at ? &event : in;
      // Of an event that is extended, only its type can change unnoticed, and that to another one.
      if (at - in->at >= 4 && at - in->at < 8) continue;
      EXPECT_FALSE(same(*replay(*other, Algorithm::sha1), *original) &&
                   same(*replay(*other, Algorithm::sha256), *original_256))
          << at << " bit " << bit;
      ++told_apart;
    }
  }
  EXPECT_GT(refused, 500u);
  EXPECT_GT(told_apart, 1500u);
}

TEST(EventLog, WhatNoFirmwareWritesIsRefused) {
  const Bytes good = example().bytes();
  const std::size_t spec = 32, banks = spec + 24;  // the Spec ID event's data; its number of banks
  const std::size_t first = example().ends()[1];
  // Each with a part of what the defect must say, so that no case is refused for another's reason.
  const std::pair<const char*, Bytes> cases[] = {
      {"of 0 banks", with(good, banks, 0)},
      {"of 9 banks", with(good, banks, kMaxBanks + 1)},
      {"lists a bank twice", with(good, banks + 8, 0x00140004)},
      {"digests of 21 bytes in bank sha1", with(good, banks + 4, 0x00150004)},
      {"digests of 65 bytes in bank unknown", with(good, banks + 4, 0x00410099)},
      {"digests of 0 bytes in bank unknown", with(good, banks + 4, 0x00000099)},
      {"an event of PCR 24", with(good, first, 24)},
      {"3 digests in a log of 2 banks", with(good, first + 8, 3)},
      {"a bank that the log does not list", with(good, first + 12, 0x0000000c)},
      {"two digests of one bank", with(good, first + 12 + 22, 0x00000004)},
      {"event data of 1048577 bytes", with(good, first + 12 + 22 + 34, kMaxEventDataBytes + 1)},
      {"an event of PCR 4294967295", PaperEventLog(kTwo).event(kNoPcr, 8, "a", "a").bytes()},
      {"0 digests", with(PaperEventLog(kTwo).event(0, 8, "a", "a").bytes(), first + 8, 0)},
      {"from locality 2", PaperEventLog(kTwo).startup_locality(2).bytes()},
      {"not 17 bytes", PaperEventLog(kTwo).event(0, 3, "", {"StartupLocality\0", 16}).bytes()},
      {"is not PCR 0's", PaperEventLog(kTwo).event(1, 3, "", {"StartupLocality\0\3", 17}).bytes()},
      {"two StartupLocality events",
       PaperEventLog(kTwo).startup_locality(3).startup_locality(0).bytes()},
      {"longer than its fields", with(good, 28, 37 + 8)},
  };
  for (const auto& [what, bytes] : cases) {
    const Defect defect = defect_of(bytes);
    EXPECT_EQ(defect.fault, Fault::value_out_of_range) << what;
    EXPECT_NE(defect.detail.find(what), std::string::npos) << what << ": " << defect.detail;
  }
  const PaperEventLog silent =
      PaperEventLog(kTwo).event(kNoPcr, kNoAction, "a", "a").startup_locality(3);
  EXPECT_TRUE(parse_event_log(silent.bytes())) << "an event of no PCR that is not extended";
}

TEST(EventLog, VendorInformationMayReachPastTheSizeOfItsEvent) {
  Bytes bytes = PaperEventLog(kTwo).bytes();
  bytes.back() = 4;
  bytes.insert(bytes.end(), {1, 2, 3, 4});
  const auto uncounted = parse_event_log(bytes);
  ASSERT_TRUE(uncounted) << uncounted.error().detail;
  EXPECT_TRUE(uncounted->events.empty());
  const auto counted = parse_event_log(with(bytes, 28, 37 + 4));
  ASSERT_TRUE(counted) << counted.error().detail;
  EXPECT_TRUE(counted->events.empty());
}

TEST(EventLog, ItsLimitsAreWhereTheySayTheyAre) {
  EXPECT_EQ(defect_of(Bytes(kMaxEventLogBytes + 1)).fault, Fault::value_out_of_range);
  PaperEventLog paper({});
  for (std::size_t i = 0; i < kMaxEvents; ++i) paper.event(0, 8, "a", "");
  EXPECT_TRUE(parse_event_log(paper.bytes()));
  EXPECT_EQ(defect_of(paper.event(0, 8, "a", "").bytes()).fault, Fault::value_out_of_range);
  const std::string data(kMaxEventDataBytes, 'a');
  EXPECT_TRUE(parse_event_log(PaperEventLog(kTwo).event(0, 8, "a", data).bytes()));
}

TEST(EventLog, ABankOfAnUnknownHashIsReadPastButNotReplayed) {
  const Bytes bytes =
      with(example().bytes(), 32 + 24 + 8, 0x00200027);  // the header's second bank: SHA3-256
  EXPECT_EQ(defect_of(bytes).fault, Fault::value_out_of_range) << "the events still name SHA-256";
  Bytes spec_only(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(example().ends()[1]));
  const auto log = parse_event_log(spec_only);
  ASSERT_TRUE(log) << log.error().detail;
  EXPECT_TRUE(log->has_bank(Algorithm{0x27}));
  EXPECT_FALSE(replay(*log, Algorithm{0x27}));
}

TEST(EventLog, DigestsOfTheDataAreToldFromDigestsOfSomethingElse) {
  const PaperEventLog paper = example();
  const auto log = parse_event_log(paper.bytes());
  EXPECT_EQ(digest_is_of_data(log->events[1], Algorithm::sha256), true);
  EXPECT_EQ(digest_is_of_data(log->events[4], Algorithm::sha256), false);
  EXPECT_EQ(digest_is_of_data(log->events[4], Algorithm::sha384), std::nullopt);
}

TEST(Replay, SaysWhichQuotedValuesTheLogExplains) {
  const PaperEventLog paper = example();
  const auto log = parse_event_log(paper.bytes());
  const Bytes zeros(32, 0), ones(32, 0xff);
  const PcrValues quoted{{0, folded(Algorithm::sha256, 3, {"version 1", kZeros})},
                         {1, zeros},
                         {2, ones},
                         {4, folded(Algorithm::sha256, 0, {"another image"})},
                         {7, zeros},
                         {17, ones},
                         {23, Bytes(20, 0)},
                         {24, zeros}};
  const std::map<std::uint32_t, Explanation> expected{
      {0, Explanation::explained},    {1, Explanation::untouched},   {2, Explanation::unexplained},
      {4, Explanation::unexplained},  {7, Explanation::unexplained}, {17, Explanation::untouched},
      {23, Explanation::cannot_tell}, {24, Explanation::cannot_tell}};
  EXPECT_EQ(explain(*log, Algorithm::sha256, quoted), expected);
  for (const auto& [pcr, what] : explain(*log, Algorithm::sha384, quoted)) {
    EXPECT_EQ(what, Explanation::cannot_tell) << pcr;
  }
}

TEST(Replay, APcrWithAnEventThatHasNoDigestInTheBankCannotBeTold) {
  PaperEventLog paper(kTwo);
  paper.event(5, kAction, "a", "a");
  Bytes bytes = paper.bytes();
  const std::size_t event = paper.ends()[1];
  bytes = with(bytes, event + 8, 1);  // one digest, the SHA-1
  bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(event + 34),
              bytes.begin() + static_cast<std::ptrdiff_t>(event + 68));
  const auto log = parse_event_log(bytes);
  ASSERT_TRUE(log) << log.error().detail;
  EXPECT_EQ(explain(*log, Algorithm::sha256, {{5, Bytes(32, 0)}}).at(5), Explanation::cannot_tell);
  EXPECT_EQ(explain(*log, Algorithm::sha1, {{5, folded(Algorithm::sha1, 0, {"a"})}}).at(5),
            Explanation::explained);
}

}  // namespace
}  // namespace stele::attest::boot
