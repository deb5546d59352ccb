// Goal: an entry's fields keep every byte in export format; a cursor's number and time are read.
// Method: values of every kind read back by the format's own rules; cursors as journald writes
// them, and bent. (Real journals: tests/e2e/journal_test.py.)
#include <gtest/gtest.h>

#include "daemon/ingest/journal_export.h"
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
  EXPECT_EQ(number->realtime_us, 0x6611d20a15303u);
  for (const char* none : {"", "s=1;i=2;t=3;", "s=89c607e9e1c84fc7b2217db95f473012;i=;t=1;",
                           "s=89c607e9e1c84fc7b2217db95f473012;i=1;b=2",
                           "s=89c607e9e1c84fc7b2217db95f473012;i=fffffffffffffffff;t=1;"}) {
    EXPECT_FALSE(journal_number(none)) << none;
  }
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
