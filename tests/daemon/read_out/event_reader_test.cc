// Goal: every format is recognised and read as README.md's tables say; whatever else comes is unparsed
// and never a crash. Method: the README's own examples; every file of the vectors' logs, line by line and
// whole, cut short and with bytes changed; what is read twice is the same.
#include "daemon/read_out/event_reader.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <map>
#include <sstream>

#include "attest/rfc3339.h"
#include "attest/utf8.h"
#include "tests/support/vectors.h"

namespace stele::daemon {
namespace {

constexpr std::int64_t kReceived = 1764057001'000000000;  // 2025-11-25T07:50:01Z

std::string shown(const ReadOut& out) {
  if (out.unparsed()) return "unparsed";
  std::string text = "format=" + out.format;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (!out.values[i].empty()) text += " | " + std::string(kFieldNames[i]) + "=" + out.values[i];
  }
  if (out.time_ns) text += " | time=" + attest::to_rfc3339(*out.time_ns) + (out.time_inferred ? " inferred" : "");
  return text;
}

TEST(EventReader, ReadsTheExamplesOfTheReadmeAsItSays) {
  std::istringstream readme(test::read_file(STELE_READ_OUT_README));
  EventReader reader;
  std::string event;
  std::size_t examples = 0;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("> ")) event += (event.empty() ? "" : "\n") + line.substr(2);
    if (!line.starts_with("= ")) continue;
    EXPECT_EQ(shown(reader.read(event, kReceived)), line.substr(2)) << event;
    event.clear();
    ++examples;
  }
  EXPECT_GE(examples, 15u);
}

TEST(EventReader, WhatItDoesNotKnowIsUnparsed) {
  EventReader reader;
  for (const std::string text : {"", " ", "\n", "hello", "{", "{}", "[]", "null", "{\"a\":1}", "{\"user\":{}}",
                                 "<", "<13>", "type=", "type=SYSCALL", "type=X msg=audit(1.1:1): a=b",
                                 "{\"actor\":\"\xff\"}"}) {
    EXPECT_TRUE(reader.read(text, 0).unparsed()) << text;
  }
  EXPECT_TRUE(reader.read(std::string(1000, '{'), 0).unparsed());
  EXPECT_TRUE(reader.read("{\"actor\":" + std::string(500, '[') + std::string(500, ']') + "}", 0).unparsed());
}

TEST(EventReader, ValuesAreCutAtTheirLimitBetweenCharacters) {
  EventReader reader;
  const std::string name = std::string(kMaxValueBytes - 1, 'a') + "\xc3\xa9";
  const ReadOut& out = reader.read("{\"actor\":\"" + name + "\"}", 0);
  EXPECT_EQ(out[Field::actor], std::string(kMaxValueBytes - 1, 'a'));
  const std::string event = "{\"actor\":\"a\"}";
  EXPECT_FALSE(reader.read(event + std::string(kMaxReadOutBytes - event.size(), ' '), 0).unparsed());
  EXPECT_TRUE(reader.read(event + std::string(kMaxReadOutBytes, ' '), 0).unparsed()) << "too long to look into";
}

TEST(EventReader, ConfiguredPointersComeFirstAndChangeTheFingerprint) {
  JsonMapping mapping;
  mapping.format = "door";
  mapping.signs = {{{"/schema"}, "door/"}};
  mapping.pointers[0] = {"/who/badge"};
  mapping.pointers[1] = {"/what~1how"};
  mapping.time = {"/when"};
  EventReader reader({mapping});
  EXPECT_EQ(shown(reader.read(R"({"schema":"door/2","who":{"badge":17},"what/how":"open","when":1764057000.5})", 0)),
            "format=door | actor=17 | action=open | time=2025-11-25T07:50:00.500000000Z");
  EXPECT_TRUE(reader.read(R"({"schema":"window/2","who":{"badge":17}})", 0).unparsed());
  EXPECT_NE(reader.fingerprint(), EventReader().fingerprint());
  EXPECT_EQ(EventReader({mapping}).fingerprint(), reader.fingerprint());
}

// Each event of a file: its lines; what is packed into "event" or "Records" by itself.
std::vector<std::string> events_of(const std::filesystem::path& path) {
  const std::string data = test::read_file(path);
  std::vector<std::string> events;
  if (path.extension() == ".json" && data.starts_with("{\"Records\"")) {
    const boost::json::value document = boost::json::parse(data);
    for (const boost::json::value& record : document.at("Records").as_array()) {
      events.push_back(boost::json::serialize(record));
    }
    return events;
  }
  std::istringstream lines(data);
  for (std::string line; std::getline(lines, line);) {
    events.push_back(line);
    if (!line.starts_with("{\"rule\"")) continue;
    events.push_back(boost::json::serialize(boost::json::parse(line).at("event")));
  }
  events.push_back(data);
  return events;
}

TEST(EventReader, RealLogsAreReadOrUnparsedAndTwiceTheSame) {
  STELE_VECTORS_OR_SKIP(folder, "logs");
  std::map<std::string, std::size_t> formats;
  std::size_t count = 0;
  EventReader reader, other;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    for (const std::string& event : events_of(entry.path())) {
      const ReadOut once = reader.read(event, kReceived);
      ++formats[once.unparsed() ? "unparsed" : once.format];
      ASSERT_EQ(shown(once), shown(other.read(event, kReceived)));
      for (const std::string& value : once.values) ASSERT_LE(value.size(), kMaxValueBytes);
      ++count;
      if (event.size() > 4000) continue;
      for (std::size_t cut = 1; cut < event.size(); cut += 1 + event.size() / 16) {
        other.read(std::string_view(event).substr(0, cut), kReceived);
        std::string bent = event;
        bent[cut] = static_cast<char>(bent[cut] ^ 0x21);
        other.read(bent, kReceived);
      }
    }
  }
  test::used_vectors("logs, read out", count);
  for (const auto& [format, number] : formats) std::cout << format << ": " << number << '\n';
  for (const char* const format : {"rfc5424", "rfc3164", "audit", "cloudtrail", "kubernetes-audit"}) {
    EXPECT_GT(formats[format], 10u) << format;
  }
}

TEST(EventReader, TheOpenSshLogSaysWhoCameFromWhere) {
  STELE_VECTORS_OR_SKIP(folder, "logs/loghub");
  std::istringstream lines(test::read_file(folder / "OpenSSH_2k.log"));
  EventReader reader;
  std::size_t count = 0, read = 0, failed = 0, accepted = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const ReadOut& out = reader.read(line, kReceived);
    read += out.format == "rfc3164" && out[Field::origin] != "";
    const bool says_failed = line.find("]: Failed ") != std::string::npos;
    const bool says_accepted = line.find("]: Accepted ") != std::string::npos;
    EXPECT_TRUE(!says_failed || out[Field::outcome] == "failure") << line;
    EXPECT_TRUE(!says_accepted || out[Field::outcome] == "success") << line;
    EXPECT_FALSE((says_failed || says_accepted) && out[Field::actor].empty()) << line;
    failed += says_failed;
    accepted += says_accepted;
  }
  EXPECT_EQ(read, count);
  EXPECT_GT(failed, 100u);
  EXPECT_GT(accepted, 0u);
  test::used_vectors("logs/loghub/OpenSSH_2k.log, read out", count);
}

}  // namespace
}  // namespace stele::daemon
