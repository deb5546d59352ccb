// Goal: RFC 5424 as the RFC and others who read it say. Method: messages by hand, every prefix of them,
// and the messages of the go-syslog project, each valid or not as its author says (family 61).
#include "daemon/read_out/rfc5424.h"

#include <gtest/gtest.h>

#include <iostream>

#include "attest/rfc3339.h"
#include "daemon/read_out/event_reader.h"
#include "tests/daemon/read_out/syslog_vectors.h"

namespace stele::daemon {
namespace {

constexpr std::string_view kFull =
    "<165>1 2026-11-25T07:50:00.123456+01:00 gate.example login 8710 ID47 "
    "[auth@32473 user=\"al\\\"ice\" result=\"denied\"][origin ip=\"192.0.2.7\"] \xef\xbb\xbfno entry";

TEST(Rfc5424, ReadsEveryPart) {
  const auto message = parse_rfc5424(kFull);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->priority, 165u);
  EXPECT_EQ(message->version, 1u);
  EXPECT_EQ(message->time_ns, attest::from_rfc3339("2026-11-25T06:50:00.123456Z"));
  EXPECT_EQ(message->hostname, "gate.example");
  EXPECT_EQ(message->app_name, "login");
  EXPECT_EQ(message->proc_id, "8710");
  EXPECT_EQ(message->message_id, "ID47");
  EXPECT_EQ(message->elements, (std::vector<std::string_view>{"auth@32473", "origin"}));
  ASSERT_EQ(message->parameters.size(), 3u);
  EXPECT_EQ(message->parameters[0].name, "user");
  EXPECT_EQ(message->parameters[0].value, "al\"ice") << "the escape is taken away";
  EXPECT_EQ(message->parameters[2].element, "origin");
  EXPECT_EQ(message->message, "no entry") << "the BOM is no part of it";
}

TEST(Rfc5424, DashesAreEmptyFields) {
  const auto message = parse_rfc5424("<0>1 - - - - - -");
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->time_ns);
  EXPECT_EQ(message->hostname.size() + message->app_name.size() + message->message.size(), 0u);
}

TEST(Rfc5424, NoPrefixWithoutItsHeaderIsAMessage) {
  const std::size_t header = kFull.find("][origin");
  for (std::size_t length = 0; length <= header; ++length) {
    EXPECT_FALSE(parse_rfc5424(kFull.substr(0, length))) << length;
  }
}

TEST(Rfc5424, MoreElementsThanItsLimitAreRefused) {
  std::string text = "<1>1 - - - - - ";
  for (std::size_t i = 0; i < kMaxSdElements; ++i) text += "[e" + std::to_string(i) + "]";
  EXPECT_TRUE(parse_rfc5424(text));
  EXPECT_FALSE(parse_rfc5424(text + "[one-more]"));
}

TEST(Rfc5424, MessagesOfOthersAreValidAsTheirAuthorSays) {
  STELE_VECTORS_OR_SKIP(folder, "logs/syslog-vectors");
  std::size_t lost = 0, alarms = 0;
  const auto vectors = test::syslog_vectors(folder / "go-syslog-rfc5424.json");
  ASSERT_EQ(vectors.size(), 119u);
  EventReader reader;
  for (const test::SyslogVector& vector : vectors) {
    const bool read = reader.read(vector.text, 0).format == "rfc5424";
    EXPECT_EQ(read, vector.valid) << vector.text;
    EXPECT_EQ(parse_rfc5424(vector.text).has_value(), vector.valid) << vector.text;
    EXPECT_EQ(reader.read(vector.text, 0).unparsed(), !vector.valid) << vector.text;
    lost += vector.valid && !read;
    alarms += !vector.valid && read;
  }
  test::used_vectors("logs/syslog-vectors/go-syslog-rfc5424.json", vectors.size());
  std::cout << "family 61: injected " << vectors.size() << ", lost " << lost << ", false alarms 0, missed "
            << alarms << " (RFC 5424: valid ones not read, invalid ones read)" << std::endl;
}

}  // namespace
}  // namespace stele::daemon
