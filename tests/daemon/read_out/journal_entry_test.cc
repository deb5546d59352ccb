// Goal: an entry of the journal is read out by the table, whichever way its values are written, and
// what breaks the export format is unparsed. Method: entries in both
// ways of the format, cut at every byte; the README's examples are event_reader_test.cc's.
#include "daemon/read_out/journal_entry.h"

#include <gtest/gtest.h>

#include "daemon/read_out/event_reader.h"

namespace stele::daemon {
namespace {

using F = JournalField;

std::string counted(const std::string& name, const std::string& value) {
  std::string out = name + "\n";
  for (unsigned shift = 0; shift < 64; shift += 8) {
    out += static_cast<char>(std::uint64_t{value.size()} >> shift & 0xff);
  }
  return out + value + "\n";
}

const std::string kBegin = "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1764057000000000\n";

TEST(JournalEntry, ValuesOfBothKindsAreReadAndTheFirstOfSeveralCounts) {
  const std::string text = kBegin + counted("MESSAGE", std::string("two\nlines=\0 and bytes", 21)) +
                           "_HOSTNAME=gate=1\n" + counted("OTHER", "UNIT=not this\n_UID=9\n") +
                           "UNIT=a.service\nUNIT=b.service\n_UID=\n";
  const auto entry = parse_journal_entry(text);
  ASSERT_TRUE(entry);
  EXPECT_EQ((*entry)[F::message], std::string("two\nlines=\0 and bytes", 21));
  EXPECT_EQ((*entry)[F::hostname], "gate=1");
  EXPECT_EQ((*entry)[F::unit], "a.service");
  EXPECT_EQ((*entry)[F::uid], "");
  EXPECT_EQ(entry->time_ns(), 1'764'057'000'000'000'000);
}

TEST(JournalEntry, WhatBreaksTheFormatIsUnparsed) {
  EventReader reader;
  for (const std::string& text :
       {kBegin + "lower=1\n", kBegin + "=1\n", kBegin + "\n", kBegin + "NAME\nshort",
        kBegin + counted("A", "x").substr(0, 11), kBegin + "A\n" + std::string(8, '\xff') + "x\n",
        kBegin + std::string(65, 'A') + "=1\n", std::string(" ") + kBegin}) {
    EXPECT_TRUE(reader.read(text, 0).unparsed()) << text;
  }
  EXPECT_FALSE(reader.read(kBegin, 0).unparsed());
}

TEST(JournalEntry, CutAnywhereItIsAnEntryOrNone) {
  const std::string text = kBegin + counted("MESSAGE", "a\nb") + "PRIORITY=4\n_HOSTNAME=gate\n";
  EventReader reader;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const ReadOut& out = reader.read(std::string_view(text).substr(0, cut), 0);
    EXPECT_TRUE(out.unparsed() || out.format == "journal" || cut < 10) << cut;
  }
}

TEST(JournalEntry, TimesAndPrioritiesThatAreNoneAreLeftOut) {
  EventReader reader;
  const std::string text = "__CURSOR=s=1\n__REALTIME_TIMESTAMP=18446744073709551615\nPRIORITY=8\n";
  const ReadOut& out = reader.read(text, 0);
  EXPECT_EQ(out.format, "journal");
  EXPECT_FALSE(out.time_ns);
  EXPECT_EQ(out[Field::severity], "");
  // The sender's time goes before journald's.
  EXPECT_EQ(reader.read(kBegin + "_SOURCE_REALTIME_TIMESTAMP=1000001\n", 0).time_ns, 1'000'001'000);
}

TEST(JournalEntry, AJsonMessageIsReadAsThatAndTheFieldsFillIn) {
  EventReader reader;
  const ReadOut& out = reader.read(
      kBegin + "PRIORITY=4\nSYSLOG_IDENTIFIER=app\nMESSAGE=@cee: {\"user\":\"ann\",\"result\":\"ok\"}\n"
               "_UID=7\n_HOSTNAME=gate\n", 0);
  EXPECT_EQ(out.format, "json");
  EXPECT_EQ(out[Field::actor], "ann");
  EXPECT_EQ(out[Field::action], "app");
  EXPECT_EQ(out[Field::outcome], "success");
  EXPECT_EQ(out[Field::origin], "gate");
  EXPECT_EQ(out[Field::severity], "warning");
}

TEST(JournalEntry, WhoWroteItIsTheActorWhereNothingSaysMore) {
  EventReader reader;
  const std::string text = kBegin + "SYSLOG_IDENTIFIER=app\nMESSAGE=hello\n_UID=7\n";
  EXPECT_EQ(reader.read(text + "_AUDIT_LOGINUID=4294967295\n", 0)[Field::actor], "7");
  EXPECT_EQ(reader.read(text + "_AUDIT_LOGINUID=1000\n", 0)[Field::actor], "1000");
  EXPECT_EQ(reader.read(text + "USER_ID=ann\n", 0)[Field::actor], "ann");
}

TEST(JournalEntry, AnAuditRecordWithoutItsStampIsNoAuditRecord) {
  EventReader reader;
  const std::string text = kBegin + "_AUDIT_TYPE_NAME=USER_LOGIN\nMESSAGE=USER_LOGIN acct=\"ann\"\n";
  EXPECT_EQ(reader.read(text, 0).format, "journal");
  EXPECT_EQ(reader.read(text + "_AUDIT_ID=5\n_SOURCE_REALTIME_TIMESTAMP=1000\n", 0).format, "audit");
}

}  // namespace
}  // namespace stele::daemon
