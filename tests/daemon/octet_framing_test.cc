// Goal: octet-counted streams (RFC 6587) come out byte exact however they arrive; what is no count
// loses nothing. Method: as framing_test.cc; and, family 61, other people's messages and logs in
// counted and in line frames, split at every byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <string>

#include "attest/base64.h"
#include "daemon/ingest/framing.h"
#include "tests/daemon/framed_stream.h"
#include "tests/support/tally.h"
#include "tests/support/vectors.h"

namespace stele::daemon {
namespace {

using test::expect_in_any_pieces;
using test::received;

std::string counted(const std::string& event) {
  return std::to_string(event.size()) + " " + event;
}

OctetCount::Found found(const std::string& text) {
  return find_octet_count(attest::view(text)).found;
}

TEST(OctetCount, HasOneToTenDigitsNoLeadingZeroAndASpace) {
  using Found = OctetCount::Found;
  const OctetCount count = find_octet_count(attest::view("4711 <34>1"));
  EXPECT_EQ(count.found, Found::whole);
  EXPECT_EQ(count.value, 4711u);
  EXPECT_EQ(count.length, 5u);
  EXPECT_EQ(find_octet_count(attest::view("9999999999 x")).value, 9'999'999'999u);
  for (const char* text : {"", "1", "9999999999"}) EXPECT_EQ(found(text), Found::beginning) << text;
  for (const char* text : {" ", "0 x", "01 x", "0", "<34>1", "1<", "12\n", "-1 x", "+1 x", "1\t",
                           "99999999999", "10000000000 x", "\xff"}) {
    EXPECT_EQ(found(text), Found::none) << text;
  }
}

TEST(OctetFraming, CountsCarryAnyBytesHoweverTheyArrive) {
  const std::string lines("a\nb\0\n", 5);
  expect_in_any_pieces(Frame::octets, 100,
                       counted("one") + counted("5 five") + counted(lines) + counted("x\n"),
                       {"one", "5 five", lines, "x\n"}, {});
}

TEST(OctetFraming, ACountOneTooLargeIsSkippedAndItsNeighboursAreNot) {
  expect_in_any_pieces(
      Frame::octets, 4,
      counted("1234") + counted("12345") + counted("5") + counted("123456789012") + counted("1"),
      {"1234", "5", "1"}, {"!too_long@1", "!too_long@3"});
}

TEST(OctetFraming, AStreamThatBeginsWithoutACountIsOneOfLines) {
  expect_in_any_pieces(Frame::octets, 100, "<34>1 one\n<34>1 two\n12 three",
                       {"<34>1 one", "<34>1 two", "12 three"}, {});
  expect_in_any_pieces(Frame::octets, 100, "2023-01-01 a line\n\n0 x\n",
                       {"2023-01-01 a line", "", "0 x"}, {});
  expect_in_any_pieces(Frame::octets, 100, "123", {"123"}, {});
  expect_in_any_pieces(Frame::octets, 100, "\n", {""}, {});
  expect_in_any_pieces(Frame::octets, 100, "", {}, {});
}

TEST(OctetFraming, WhereACountIsMissingTheRestIsLinesAndNothingIsThrownAway) {
  expect_in_any_pieces(Frame::octets, 100, counted("one") + "\n" + counted("two") + "\n",
                       {"one", "", "3 two"}, {});
  expect_in_any_pieces(Frame::octets, 100, counted("one") + "x4 two\n3 end\nlast",
                       {"one", "x4 two", "3 end", "last"}, {});
  expect_in_any_pieces(Frame::octets, 30, counted("one") + "12345678901 more digits\nz",
                       {"one", "12345678901 more digits", "z"}, {});
  expect_in_any_pieces(Frame::octets, 4, counted("one") + "too long a line\nend\n", {"one", "end"},
                       {"!too_long@1"});
}

TEST(OctetFraming, AFrameCutShortIsRefusedWhoeverEndedIt) {
  for (const bool clean : {true, false}) {
    expect_in_any_pieces(Frame::octets, 9, counted("one") + "3 tw", {"one"}, {"!truncated@1"},
                         clean);
    expect_in_any_pieces(Frame::octets, 4, "9 1234", {}, {"!too_long@0"}, clean);
  }
  expect_in_any_pieces(Frame::octets, 9, counted("one") + "3", {"one"}, {"!truncated@1"}, false);
  expect_in_any_pieces(Frame::octets, 9, counted("one") + "3", {"one", "3"}, {}, true);
  expect_in_any_pieces(Frame::octets, 3, "1234", {}, {"!too_long@0"}, true);
}

TEST(OctetFraming, AHugeCountIsSkippedWithoutKeepingIt) {
  std::vector<std::string> pieces{"16777216 "};
  for (int i = 0; i < 256; ++i) pieces.emplace_back(64u << 10, 'x');
  pieces.push_back(counted("after"));
  EXPECT_EQ(received(Frame::octets, 100, pieces),
            (std::vector<std::string>{"!too_long@0", "after"}));
}

std::vector<std::string> bytes_of(const std::string& stream) {
  std::vector<std::string> bytes;
  bytes.reserve(stream.size());
  for (const char c : stream) bytes.emplace_back(1, c);
  return bytes;
}

std::vector<std::string> octet_lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t lf = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, lf - at));
    at = lf + 1;
  }
  return lines;
}

std::vector<std::string> messages_of(const std::filesystem::path& logs) {
  std::vector<std::string> messages;
  for (const char* file : {"go-syslog-rfc3164.json", "go-syslog-rfc5424.json"}) {
    const boost::json::value cases =
        boost::json::parse(test::read_file(logs / "syslog-vectors" / file));
    for (const auto& one : cases.as_array()) {
      const auto bytes =
          attest::from_base64(std::string(one.as_object().at("input_b64").as_string()));
      EXPECT_TRUE(bytes.has_value());
      messages.emplace_back(bytes->begin(), bytes->end());
    }
  }
  return messages;
}

// Two pieces for every point, and what comes out of each against what went in.
void split_everywhere(Frame frame, const std::string& stream,
                      const std::vector<std::string>& events, test::Tally& tally) {
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    const bool same =
        received(frame, 1 << 20, {stream.substr(0, split), stream.substr(split)}) == events;
    ++tally.injected;
    tally.lost += same ? 0 : 1;
  }
}

TEST(OctetFraming, Family61EveryMessageOfOthersSplitAtEveryByte) {
  STELE_VECTORS_OR_SKIP(logs, "logs");
  std::vector<std::string> messages = messages_of(logs);
  const std::size_t syslog = messages.size();
  EXPECT_EQ(syslog, 127u);
  for (const auto& file :
       std::filesystem::directory_iterator(logs / "rsyslog-testsuite/fuzz/corpus/syslog-message")) {
    messages.push_back(test::read_file(file.path()));
  }
  EXPECT_GT(messages.size(), syslog);
  test::Tally tally;
  // A few messages a stream: what a split may harm is its own message and the next.
  for (std::size_t first = 0; first < messages.size(); first += 8) {
    std::string frames, lines;
    std::vector<std::string> whole, parts;
    for (std::size_t i = first; i < std::min(first + 8, messages.size()); ++i) {
      if (messages[i].empty()) continue;  // a count is never 0
      frames += counted(messages[i]);
      whole.push_back(messages[i]);
      lines += messages[i] + "\n";
    }
    parts = octet_lines_of(lines);
    split_everywhere(Frame::octets, frames, whole, tally);
    split_everywhere(Frame::lf, lines, parts, tally);
    split_everywhere(Frame::octets, lines, parts, tally);  // detected by its first byte
  }
  test::used_vectors("logs/syslog-vectors", syslog);
  tally.report(61, std::to_string(messages.size()) +
                       " messages in counted and line streams, split at every byte");
}

TEST(OctetFraming, Family61EveryLogOfOthersByteByByte) {
  STELE_VECTORS_OR_SKIP(logs, "logs");
  test::Tally tally;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(logs)) {
    if (!entry.is_regular_file()) continue;
    const std::string text = test::read_file(entry.path());
    ++files;
    const std::vector<std::string> lines = octet_lines_of(text);
    std::string frames;
    std::vector<std::string> whole;
    for (const std::string& line : lines) {
      if (line.empty()) continue;
      frames += counted(line);
      whole.push_back(line);
    }
    tally.injected += text.size() + frames.size();
    tally.lost += received(Frame::lf, 1 << 20, bytes_of(text)) == lines ? 0 : 1;
    tally.lost += received(Frame::octets, 1 << 20, bytes_of(frames)) == whole ? 0 : 1;
  }
  EXPECT_GT(files, 100u);
  tally.report(61, std::to_string(files) + " log files in counted and line streams, byte by byte");
}

}  // namespace
}  // namespace stele::daemon
