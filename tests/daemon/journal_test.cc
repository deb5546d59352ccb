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

TEST(JournalPositions, AreSpansThatGrowAndMeet) {
  JournalPositions positions;
  const auto spans = [&] { return positions.encoded().substr(positions.encoded().find(':') + 1); };
  EXPECT_EQ(positions.encoded(), "");
  EXPECT_EQ(positions.newest_of(kOne), 0u);
  EXPECT_EQ(positions.unread_from(kOne, 7), 7u);
  positions.see(kOne, 0);
  EXPECT_EQ(positions.encoded(), "");
  positions.see(kOne, 0x10);
  positions.see(kOne, 0x1f);  // what lay between was another's
  EXPECT_EQ(spans(), "10-1f");
  positions.see(kOne, 0x12);  // known
  EXPECT_EQ(spans(), "10-1f");
  positions.see(kOne, 0x28, true);
  positions.see(kOne, 0x29, true);  // right behind it: no hole
  EXPECT_EQ(spans(), "10-1f+28-29");
  positions.see(kOne, 0x22, true);
  positions.see(kOne, 0x24);
  EXPECT_EQ(spans(), "10-1f+22-24+28-29");
  positions.see(kOne, 0x27, true);
  EXPECT_EQ(spans(), "10-1f+22-24+27-29");
  positions.see(kOne, 0x25);
  positions.see(kOne, 0x26);
  EXPECT_EQ(spans(), "10-1f+22-29");
  positions.see(kOne, 0x20);
  positions.see(kOne, 0x21);
  EXPECT_EQ(spans(), "10-29");
  positions.see(kOne, 3);
  positions.see(kOne, 0xf, true);
  EXPECT_EQ(spans(), "3-3+f-29");
  EXPECT_EQ(positions.newest_of(kOne), 0x29u);
  EXPECT_EQ(positions.unread_from(kOne, 2), 2u);
  EXPECT_EQ(positions.unread_from(kOne, 3), 4u);
  EXPECT_EQ(positions.unread_from(kOne, 0xf), 0x2au);
  EXPECT_EQ(positions.last_before(kOne, 3), 0u);
  EXPECT_EQ(positions.last_before(kOne, 0xf), 3u);
  EXPECT_EQ(positions.last_before(kOne, 0x11), 0x10u);
  EXPECT_EQ(positions.last_before(kOne, 0x30), 0x29u);
  const std::uint64_t all = ~std::uint64_t{0};
  positions.see(kOne, all);
  EXPECT_EQ(positions.unread_from(kOne, 0x100), 0u);
  EXPECT_EQ(positions.last_before(kOne, all), all - 1);
}

TEST(JournalPositions, ReadAsTheyAreWritten) {
  JournalPositions positions;
  positions.see(kTwo, 7);
  positions.see(kOne, 0x1f);
  positions.see(kOne, 0x30, true);
  const std::string text =
      std::string(kOne) + ":1f-1f+30-30," + std::string(kTwo) + ":7-7";
  EXPECT_EQ(positions.encoded(), text);
  positions.set_gone(kTwo);
  EXPECT_EQ(positions.encoded(), text + "!");
  for (const std::string& good : {text, text + "!", std::string()}) {
    ASSERT_TRUE(parse_journal_positions(good)) << good;
    EXPECT_EQ(parse_journal_positions(good)->encoded(), good);
  }
  EXPECT_EQ(parse_journal_positions(text + "!")->all(), positions.all());
  positions.see(kTwo, 7);  // it came back
  EXPECT_EQ(positions.encoded(), text);
  const std::string one = std::string(kOne) + ":1f-1f";
  const std::string two = std::string(kTwo) + ":7-7";
  for (const std::string& bad :
       {two + "," + one, one + "," + one, text + ",", "," + text, one.substr(0, 33),
        std::string(kOne) + ":1f", std::string(kOne) + ":01-2", std::string(kOne) + ":0-2",
        std::string(kOne) + ":3-2", std::string(kOne) + ":2-1F", one + "g", one + "+", one + "!!",
        one + "+20-21", one + "+1e-30", one + "+30-31+5-6", one + "!+30-31",
        std::string(kOne) + ":1-ffffffffffffffff+1-2", std::string(kOne) + ":1-10000000000000000",
        "G" + one.substr(1)}) {
    EXPECT_FALSE(parse_journal_positions(bad)) << bad;
  }
  positions.forget(kTwo);
  EXPECT_EQ(positions.encoded(), std::string(kOne) + ":1f-1f+30-30");
}

// So many holes that a note of them would pass its limit: the oldest of that numbering is closed.
TEST(JournalPositions, CloseTheOldestHoleOfANumberingWhereThereAreTooMany) {
  JournalPositions positions;
  positions.see(kTwo, 1);
  positions.see(kTwo, 3, true);
  for (std::uint64_t i = 1; i <= kMaxJournalHoles; ++i) positions.see(kOne, 10 * i, true);
  EXPECT_EQ(positions.unread_from(kOne, 11), 11u);
  positions.see(kOne, 10 * kMaxJournalHoles + 10, true);
  EXPECT_EQ(positions.unread_from(kOne, 11), 21u);  // closed
  EXPECT_EQ(positions.unread_from(kOne, 10 * kMaxJournalHoles + 1), 10 * kMaxJournalHoles + 1);
  EXPECT_EQ(positions.unread_from(kTwo, 2), 2u);  // another's stays
  ASSERT_TRUE(parse_journal_positions(positions.encoded()));
  EXPECT_FALSE(parse_journal_positions(positions.encoded() + "+5-5"));
  positions.see(kOne, 5, true);  // the holes beside it stay: what fills them is under way
  EXPECT_EQ(positions.unread_from(kOne, 6), 6u);
  EXPECT_EQ(positions.unread_from(kOne, 21), 31u);
  positions.see(std::string(32, 'a'), 7);  // a numbering more is no hole more
  EXPECT_EQ(positions.unread_from(kOne, 31), 31u);
  EXPECT_EQ(parse_journal_positions(positions.encoded())->encoded(), positions.encoded());
  positions.forget(kTwo);
  positions.see(kOne, 20 * kMaxJournalHoles, true);  // there is room again
  EXPECT_EQ(positions.unread_from(kOne, 31), 31u);
}

TEST(JournalPositions, CloseAnothersHoleBeforeOneThatIsUnderWay) {
  JournalPositions positions;
  for (std::uint64_t i = 0; i <= kMaxJournalHoles; ++i) positions.see(kOne, 10 + 10 * i, true);
  positions.see(kTwo, 100);
  positions.see(kTwo, 50, true);
  EXPECT_EQ(positions.unread_from(kTwo, 51), 51u);
  EXPECT_EQ(positions.unread_from(kOne, 11), 21u);
}

TEST(JournalPositions, OfALogAreThoseStatedAndWhatCameBehind) {
  test::IngestBed bed;
  const auto submit = [&](std::string_view input, const std::string& value) {
    const std::uint64_t before = bed.sequencer().head().size;
    while (!bed.sequencer().submit(position_note(input, value), [] {})) std::this_thread::yield();
    bed.await([&] { return bed.sequencer().head().size > before; });
  };
  const auto place = [](std::string_view numbering, const char* number, bool begins = false) {
    return journal_place("s=" + std::string(numbering) + ";i=" + number +
                             ";b=" + std::string(kOne) + ";m=1;t=1;x=1", begins);
  };
  EXPECT_EQ(cursor_of(place(kOne, "1", true)), place(kOne, "1"));
  EXPECT_EQ(cursor_of(place(kOne, "1")), place(kOne, "1"));
  const storage::Store& store = bed.sequencer().store();
  EXPECT_TRUE(journal_positions_of(store).all().empty());
  submit(kJournal, place(kOne, "20"));
  submit(kJournal, place(kTwo, "9"));
  submit(kJournal, place(kTwo, "c"));
  submit(kJournal, place(kOne, "30", true));
  submit(kJournal, place(kOne, "31"));
  submit(kJournal, place(kOne, "22"));
  EXPECT_EQ(journal_positions_of(store).encoded(),
            std::string(kOne) + ":20-22+30-31," + std::string(kTwo) + ":9-c");
  submit(kJournalNumberings, std::string(kTwo) + ":a-a!");  // the other one is forgotten
  EXPECT_EQ(journal_positions_of(store).encoded(), std::string(kTwo) + ":a-a!");
  submit(kJournal, place(kTwo, "b"));
  EXPECT_EQ(journal_positions_of(store).encoded(), std::string(kTwo) + ":a-b");
  EXPECT_EQ(newest_position(store, kJournal)->value, place(kTwo, "b"));
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
