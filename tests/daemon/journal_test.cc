// Goal: an entry's fields keep every byte in export format; a cursor's number and time are read;
// what is known and what is missing is told, whoever shares a counter with whom.
// Method: values of every kind read back by the format's own rules; cursors as journald writes
// them, and bent; files of one machine and of two. (Real journals: tests/e2e/journal_test.py,
// journal_users_test.py, journal_machines_test.py.)
#include <gtest/gtest.h>

#include "daemon/ingest/journal_export.h"
#include "daemon/ingest/journal_header.h"
#include "daemon/ingest/journal_numbers.h"
#include "daemon/ingest/journal_places.h"
#include "daemon/ingest/journal_positions.h"
#include "daemon/ingest/position.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

std::string exported(const std::string& field) {
  std::string entry;
  append_field(entry, field);
  return entry;
}

TEST(JournalExport, TextIsALineAndAnythingElseHasItsLengthBeforeIt) {
  EXPECT_EQ(exported("MESSAGE=a=b\tc"), "MESSAGE=a=b\tc\n");
  EXPECT_EQ(exported("MESSAGE="), "MESSAGE=\n");
  for (const std::string& value :
       {std::string("two\nlines"), std::string("nul\0", 4), std::string("\xff\xfe"),
        std::string("\x7f"), std::string(300, '\x01')}) {
    std::string length(8, '\0');
    length[0] = static_cast<char>(value.size() & 0xff);
    length[1] = static_cast<char>(value.size() >> 8);
    EXPECT_EQ(exported("DATA=" + value), "DATA\n" + length + value + "\n");
  }
}

TEST(JournalExport, ACursorTellsItsNumberAndTime) {
  const std::string cursor =
      "s=89c607e9e1c84fc7b2217db95f473012;i=17e;b=870c5112b6204c9b9209993651bf60c5;m=3f385894b;"
      "t=6611d20a15303;x=2648a3776810d20b";
  const auto number = journal_number(cursor);
  ASSERT_TRUE(number);
  EXPECT_EQ(number->numbering, "89c607e9e1c84fc7b2217db95f473012");
  EXPECT_EQ(number->number, 0x17eu);
  EXPECT_EQ(number->boot, "870c5112b6204c9b9209993651bf60c5");
  EXPECT_EQ(number->monotonic_us, 0x3f385894bu);
  EXPECT_EQ(number->realtime_us, 0x6611d20a15303u);
  for (const char* none : {"", "s=1;i=2;t=3;", "s=89c607e9e1c84fc7b2217db95f473012;i=;t=1;",
                           "s=89c607e9e1c84fc7b2217db95f473012;i=1;b=2",
                           "s=89c607e9e1c84fc7b2217db95f473012;i=fffffffffffffffff;t=1;"}) {
    EXPECT_FALSE(journal_number(none)) << none;
  }
}

// An entry, by letters for its ids.
JournalNumber entry(std::string_view numbering, std::uint64_t number, std::string_view boot = "b",
                    std::uint64_t monotonic_us = 0, std::uint64_t realtime_us = 0) {
  return {numbering, boot, number, monotonic_us, realtime_us};
}

TEST(JournalNumbers, OneMachineCountsThroughAllOfItsFiles) {
  JournalNumbers numbers;
  EXPECT_EQ(numbers.missing_before(entry("system", 7), "here"), 0u);  // nobody knows
  numbers.see(entry("system", 7), "here");
  EXPECT_EQ(numbers.missing_before(entry("user", 8), "here"), 0u);
  EXPECT_FALSE(numbers.knows(entry("user", 5)));  // by its own numbering alone
  numbers.see(entry("user", 9), "here");
  EXPECT_EQ(numbers.missing_before(entry("system", 10), "here"), 0u);
  EXPECT_EQ(numbers.missing_before(entry("system", 13), "here"), 3u);
  EXPECT_TRUE(numbers.knows(entry("system", 7)));
  EXPECT_FALSE(numbers.knows(entry("system", 8)));
  // After a start journald counts from where system.journal ends: numbers come twice, none is lost.
  EXPECT_EQ(numbers.missing_before(entry("system", 8), "here"), 0u);
}

TEST(JournalNumbers, AnotherMachineCountsByItself) {
  JournalNumbers numbers;
  numbers.see(entry("here", 7), "here");
  numbers.see(entry("there", 700), "there");
  EXPECT_EQ(numbers.missing_before(entry("here", 8), "here"), 0u);
  EXPECT_EQ(numbers.missing_before(entry("here", 10), "here"), 2u);
  EXPECT_EQ(numbers.missing_before(entry("there", 702), "there"), 1u);
  // Two machines in one file have one numbering.
  numbers.see(entry("both", 1), "here");
  numbers.see(entry("both", 2), "there");
  EXPECT_EQ(numbers.missing_before(entry("both", 3), ""), 0u);
  EXPECT_EQ(numbers.missing_before(entry("both", 5), ""), 2u);
}

TEST(JournalNumbers, WhatStandsBeforeAnEntryThatIsGoneIsToldByItsClock) {
  const JournalNumber gone = entry("system", 100, "b", 50, 5000);
  EXPECT_TRUE(is_before(entry("system", 100, "x", 99, 9999), gone));
  EXPECT_FALSE(is_before(entry("system", 101, "b", 1, 1), gone));
  EXPECT_TRUE(is_before(entry("user", 99, "b", 50, 9999), gone));
  EXPECT_FALSE(is_before(entry("user", 99, "b", 51, 1), gone));
  EXPECT_TRUE(is_before(entry("user", 100, "a", 99, 5000), gone));
  EXPECT_FALSE(is_before(entry("user", 101, "a", 1, 1), gone));
  EXPECT_FALSE(is_before(entry("user", 1, "a", 1, 5001), gone));
}

constexpr std::string_view kOne = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kTwo = "fedcba9876543210fedcba9876543210";

TEST(JournalHeader, TellsWhoseNumbersAFileHasAndRefusesWhatIsNone) {
  attest::Bytes bytes(kJournalHeaderBytes, 0);
  const std::string_view signature = "LPKSHHRH";
  std::copy(signature.begin(), signature.end(), bytes.begin());
  const attest::Bytes id = *attest::from_hex(kOne);
  std::copy(id.begin(), id.end(), bytes.begin() + 72);
  bytes[160] = 0x34;
  bytes[161] = 0x12;
  bytes[168] = 7;
  bytes[16] = 1;
  auto header = parse_journal_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->numbering, kOne);
  EXPECT_EQ(header->newest, 0x1234u);
  EXPECT_EQ(header->oldest, 7u);
  EXPECT_FALSE(header->archived);
  bytes[16] = 2;
  EXPECT_TRUE(parse_journal_header(bytes)->archived);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(parse_journal_header(attest::ByteView(bytes).first(length))) << length;
  }
  for (std::size_t at = 0; at < signature.size(); ++at) {
    bytes[at] ^= 1;
    EXPECT_FALSE(parse_journal_header(bytes)) << at;
    bytes[at] ^= 1;
  }
}

TEST(JournalHeader, OnlyJournaldsOwnFilesShareACounter) {
  for (const char* own : {"system.journal", "system@1-2-3.journal", "user-1000.journal",
                          "user-0@1-2-3.journal~", "system.journal~"}) {
    EXPECT_TRUE(is_journald_name(own)) << own;
  }
  for (const char* other : {"remote-a.journal", "user-.journal", "user-data.journal", "user-1000",
                            "user-1000x.journal", "systems.journal", ""}) {
    EXPECT_FALSE(is_journald_name(other)) << other;
  }
}

TEST(JournalPositions, NeverGoBackAndReadAsTheyAreWritten) {
  JournalPositions positions;
  EXPECT_EQ(positions.encoded(), "");
  EXPECT_EQ(positions.of(kOne), 0u);
  positions.see(kTwo, 7);
  positions.see(kOne, 0x1f);
  positions.see(kOne, 3);
  EXPECT_EQ(positions.of(kOne), 0x1fu);
  const std::string text = std::string(kOne) + ":1f," + std::string(kTwo) + ":7";
  EXPECT_EQ(positions.encoded(), text);
  EXPECT_EQ(parse_journal_positions(text)->all(), positions.all());
  EXPECT_TRUE(parse_journal_positions("")->all().empty());
  const std::string one = text.substr(0, 35);
  const std::string two = text.substr(36);
  for (const std::string& bad : {two + "," + one, one + "," + one, text + ",", "," + text,
                                 one.substr(0, 33), std::string(kOne) + ":01", one + "g",
                                 "G" + one.substr(1), std::string(kOne) + ":1F"}) {
    EXPECT_FALSE(parse_journal_positions(bad)) << bad;
  }
  positions.forget(kTwo);
  EXPECT_EQ(positions.encoded(), one);
}

TEST(JournalPositions, OfALogAreTheNewestOfEachNumberingBackToWhereAllAreStated) {
  test::IngestBed bed;
  const auto submit = [&](std::string_view input, const std::string& value) {
    const std::uint64_t before = bed.sequencer().head().size;
    while (!bed.sequencer().submit(position_note(input, value), [] {})) std::this_thread::yield();
    bed.await([&] { return bed.sequencer().head().size > before; });
  };
  const auto cursor = [](std::string_view numbering, const char* number) {
    return "s=" + std::string(numbering) + ";i=" + number + ";b=" + std::string(kOne) +
           ";m=1;t=1;x=1";
  };
  const storage::Store& store = bed.sequencer().store();
  EXPECT_TRUE(journal_positions_of(store).all().empty());
  submit(kJournal, cursor(kOne, "20"));
  submit(kJournal, cursor(kTwo, "9"));
  submit(kJournal, cursor(kTwo, "a"));
  EXPECT_EQ(journal_positions_of(store).encoded(),
            std::string(kOne) + ":20," + std::string(kTwo) + ":a");
  submit(kJournalNumberings, std::string(kTwo) + ":a");  // the other one is forgotten
  EXPECT_EQ(journal_positions_of(store).encoded(), std::string(kTwo) + ":a");
  submit(kJournal, cursor(kTwo, "b"));
  EXPECT_EQ(journal_positions_of(store).encoded(), std::string(kTwo) + ":b");
  EXPECT_EQ(newest_position(store, kJournal)->value, cursor(kTwo, "b"));
}

TEST(Position, TheNewestOfTheInputIsFoundHoweverFarBackItIs) {
  test::IngestBed bed;
  const auto submit = [&](Batch batch) {
    const std::uint64_t before = bed.sequencer().head().size;
    while (!bed.sequencer().submit(std::move(batch), [] {})) std::this_thread::yield();
    bed.await([&] { return bed.sequencer().head().size > before; });
  };
  const storage::Store& store = bed.sequencer().store();
  EXPECT_FALSE(newest_position(store, "journal"));
  submit(position_note("journal", "one"));
  submit(position_note("audit", "two"));
  for (int i = 0; i < 3; ++i) {
    Batch others;
    for (std::uint32_t n = 0; n < kMaxBatchRecords; ++n) {
      others.items.push_back({attest::Kind::event, 0, 0, 1});
    }
    submit(std::move(others));
  }
  EXPECT_EQ(newest_position(store, "journal")->value, "one");
  EXPECT_EQ(newest_position(store, "journal")->index, 1u);
  EXPECT_EQ(newest_position(store, "audit")->value, "two");
  EXPECT_FALSE(newest_position(store, "jour"));
  submit(position_note("journal", "three"));
  EXPECT_EQ(newest_position(store, "journal")->value, "three");
}

}  // namespace
}  // namespace stele::daemon
