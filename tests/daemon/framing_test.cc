// Goal: whatever pieces a stream arrives in, the same events come out, byte exact, and the same are
// refused. Method: each stream is decoded whole, split at every point, byte by byte and with every
// small limit, against the list written down beside it; a buffer that keeps what is left stands in
// for the connection.
#include "daemon/ingest/framing.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

#include "tests/daemon/framed_stream.h"

namespace stele::daemon {
namespace {

using test::expect_in_any_pieces;
using test::received;

std::string frame32(const std::string& event) {
  const auto n = event.size();
  return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16),
                     static_cast<char>(n >> 8), static_cast<char>(n)} +
         event;
}

TEST(Framing, LinesComeOutByteExactHoweverTheyArrive) {
  expect_in_any_pieces(Frame::lf, 100, std::string("one\ntwo\r\n\n\0nul\xff\xfe\nlast", 21),
                       {"one", "two\r", "", std::string("\0nul\xff\xfe", 6), "last"}, {});
}

TEST(Framing, TheLfOfTheLastLineMakesNoFurtherEvent) {
  expect_in_any_pieces(Frame::lf, 100, "one\n", {"one"}, {});
  expect_in_any_pieces(Frame::lf, 100, "", {}, {});
  expect_in_any_pieces(Frame::lf, 100, "\n", {""}, {});
}

TEST(Framing, ALineOneByteTooLongIsRefusedAndItsNeighboursAreNot) {
  expect_in_any_pieces(Frame::lf, 4, "1234\n12345\n123\n123456789\nx", {"1234", "123", "x"},
                       {"!too_long@1", "!too_long@3"});
  expect_in_any_pieces(Frame::lf, 4, "12345", {}, {"!too_long@0"});
  expect_in_any_pieces(Frame::lf, 4, "1234", {"1234"}, {});
}

TEST(Framing, ABrokenConnectionEndsNoLine) {
  expect_in_any_pieces(Frame::lf, 9, "one\ntw", {"one"}, {"!truncated@1"}, false);
  expect_in_any_pieces(Frame::lf, 9, "one\n", {"one"}, {}, false);
}

TEST(Framing, LengthsCarryAnyBytesHoweverTheyArrive) {
  const std::string lines("a\nb\0\n", 5);
  expect_in_any_pieces(Frame::len32, 100,
                       frame32("one") + frame32("") + frame32(lines) + frame32("x"),
                       {"one", "", lines, "x"}, {});
}

TEST(Framing, ALengthOneTooLargeIsSkippedAndItsNeighboursAreNot) {
  expect_in_any_pieces(
      Frame::len32, 4,
      frame32("1234") + frame32("12345") + frame32("5") + frame32("123456789") + frame32(""),
      {"1234", "5", ""}, {"!too_long@1", "!too_long@3"});
}

TEST(Framing, AFrameCutShortIsRefusedWhoeverEndedIt) {
  for (const bool clean : {true, false}) {
    expect_in_any_pieces(Frame::len32, 9, frame32("one") + frame32("two").substr(0, 6), {"one"},
                         {"!truncated@1"}, clean);
    expect_in_any_pieces(Frame::len32, 9, std::string("\0\0", 2), {}, {"!truncated@0"}, clean);
    expect_in_any_pieces(Frame::len32, 4, frame32("123456789").substr(0, 7), {}, {"!too_long@0"},
                         clean);
  }
}

TEST(Framing, AHugeLengthIsSkippedWithoutKeepingIt) {
  std::vector<std::string> pieces{std::string("\x01\x00\x00\x00", 4)};  // 16 MiB
  for (int i = 0; i < 256; ++i) pieces.emplace_back(64u << 10, 'x');
  pieces.push_back(frame32("after"));
  EXPECT_EQ(received(Frame::len32, 100, pieces),
            (std::vector<std::string>{"!too_long@0", "after"}));
}

TEST(Opening, IsRecognisedInWhateverPiecesItComes) {
  const std::string line = "STELE/1 frame=len32 ack=sealed\n";
  for (std::size_t length = 0; length < line.size(); ++length) {
    const auto opening = decode_opening(attest::view(line.substr(0, length)), false);
    ASSERT_TRUE(opening.has_value()) << length;
    EXPECT_FALSE(opening->decided) << length;
  }
  const auto opening = decode_opening(attest::view(line + "data"), false);
  ASSERT_TRUE(opening.has_value());
  EXPECT_TRUE(opening->decided);
  EXPECT_EQ(opening->frame, Frame::len32);
  EXPECT_EQ(opening->ack, Ack::sealed);
  EXPECT_EQ(opening->length, line.size());
}

TEST(Opening, WithoutOneLinesAreTakenAndNothingIsTold) {
  for (const char* text : {"STALE", "hello\n", "\n", "STELE/2 frame=lf\n", "STELE/1x\n", "S\n"}) {
    const auto opening = decode_opening(attest::view(text), false);
    ASSERT_TRUE(opening.has_value()) << text;
    EXPECT_TRUE(opening->decided) << text;
    EXPECT_EQ(opening->length, 0u) << text;
    EXPECT_EQ(opening->frame, Frame::lf);
    EXPECT_EQ(opening->ack, Ack::none);
  }
  for (const char* text : {"", "S", "STELE/1"}) {  // undecided, unless nothing more comes
    EXPECT_FALSE(decode_opening(attest::view(text), false)->decided) << text;
    EXPECT_TRUE(decode_opening(attest::view(text), true)->decided) << text;
  }
}

TEST(Opening, HasDefaultsForWhatItDoesNotSay) {
  EXPECT_EQ(decode_opening(attest::view("STELE/1\n"), false)->length, 8u);
  EXPECT_EQ(decode_opening(attest::view("STELE/1 ack=durable\n"), false)->frame, Frame::lf);
  EXPECT_EQ(decode_opening(attest::view("STELE/1 ack=durable\n"), false)->ack, Ack::durable);
  EXPECT_EQ(decode_opening(attest::view("STELE/1 frame=len32\n"), false)->ack, Ack::none);
}

TEST(Opening, IsRefusedWhereItSaysAnythingElse) {
  for (const std::string& text :
       {std::string("STELE/1 \n"), std::string("STELE/1 frame=xml\n"),
        std::string("STELE/1  frame=lf\n"), std::string("STELE/1 frame=lf \n"),
        std::string("STELE/1 frame=lf\r\n"), std::string("STELE/1 frame=lf frame=len32\n"),
        std::string("STELE/1 ack\n"), "STELE/1 " + std::string(kMaxOpeningBytes, 'x')}) {
    const auto opening = decode_opening(attest::view(text), false);
    ASSERT_FALSE(opening.has_value()) << text;
    EXPECT_NE(opening.error().detail, "");
  }
  EXPECT_FALSE(decode_opening(attest::view("STELE/1 frame=lf"), true).has_value());
}

TEST(Acknowledgement, IsOneLineOfJson) {
  EXPECT_EQ(acknowledgement(3, 7, {}, 10), "{\"first\":3,\"next\":7,\"refused\":[]}\n");
  EXPECT_EQ(
      acknowledgement(3, 3, {{Refused::Fault::too_long, 4}, {Refused::Fault::truncated, 9}}, 10),
      "{\"first\":3,\"next\":3,\"refused\":[{\"at\":4,\"fault\":\"too_long\",\"limit\":10},"
      "{\"at\":9,\"fault\":\"truncated\"}]}\n");
}

}  // namespace
}  // namespace stele::daemon
