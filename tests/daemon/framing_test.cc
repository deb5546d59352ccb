// Goal: whatever pieces a stream arrives in, the same events come out, byte exact, and the same are
// refused. Method: each stream is decoded whole, split at every point, byte by byte and with every
// small limit, against the list written down beside it; a buffer that keeps what is left stands in
// for the connection.
#include "daemon/ingest/framing.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace stele::daemon {
namespace {

// What a connection would do with the pieces of a stream, as a list: "event", or "!too_long@3".
std::vector<std::string> received(Frame frame, std::uint32_t max,
                                  const std::vector<std::string>& pieces, std::size_t limit = 1000,
                                  bool clean = true) {
  Framing framing(frame, max);
  std::string buffer;
  std::vector<std::string> out;
  const auto take = [&](bool ended) {
    for (bool all = false; !all;) {
      std::vector<Framed> events;
      std::vector<Refused> refused;
      std::size_t used = framing.decode(attest::view(buffer), limit, events, refused);
      all = events.size() + refused.size() < limit;
      if (all && ended) {
        const std::size_t before = events.size();
        framing.finish(attest::view(buffer).subspan(used), clean, events, refused);
        if (events.size() > before) events.back().offset += static_cast<std::uint32_t>(used);
        used = buffer.size();
      }
      for (const Framed& e : events) out.push_back(buffer.substr(e.offset, e.length));
      for (const Refused& r : refused) {
        out.push_back("!" + std::string(name(r.fault)) + "@" + std::to_string(r.at));
      }
      buffer.erase(0, used);
      if (all && !ended) {
        EXPECT_LE(buffer.size(), max + 4) << "more is kept than one event";
      }
    }
  };
  for (const std::string& piece : pieces) {
    buffer += piece;
    take(false);
  }
  take(true);
  return out;
}

std::string frame32(const std::string& event) {
  const auto n = event.size();
  return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16),
                     static_cast<char>(n >> 8), static_cast<char>(n)} +
         event;
}

// Refusals come after the events of the same decode, so order is compared apart.
void expect_in_any_pieces(Frame frame, std::uint32_t max, const std::string& stream,
                          const std::vector<std::string>& events,
                          const std::vector<std::string>& refused, bool clean = true) {
  const auto check = [&](const std::vector<std::string>& out, const std::string& how) {
    std::vector<std::string> got_events, got_refused;
    for (const auto& one : out) (one.starts_with("!") ? got_refused : got_events).push_back(one);
    EXPECT_EQ(got_events, events) << how;
    EXPECT_EQ(got_refused, refused) << how;
  };
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    check(received(frame, max, {stream.substr(0, split), stream.substr(split)}, 1000, clean),
          "split at " + std::to_string(split));
  }
  std::vector<std::string> bytes;
  for (const char c : stream) bytes.emplace_back(1, c);
  for (const std::size_t limit : {1u, 2u, 3u, 1000u}) {
    check(received(frame, max, bytes, limit, clean), "byte by byte");
    check(received(frame, max, {stream}, limit, clean), "limit " + std::to_string(limit));
  }
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
