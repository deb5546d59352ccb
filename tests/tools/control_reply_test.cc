// Goal: what a control socket replies is read or refused, and no host can end an auditor's command
// with a verdict of its own making. Method: lines as the daemon writes them, and bent ones.
#include "tools/stele/control_reply.h"

#include <gtest/gtest.h>

namespace stele::tools {
namespace {

TEST(ControlReply, IsReadAsTheDaemonWritesIt) {
  const ControlLine record = read_control_line(R"({"record":{"index":7}})");
  EXPECT_FALSE(record.is_last);
  EXPECT_TRUE(record.object.contains("record"));
  const ControlLine last = read_control_line(R"({"ok":true,"reply":"eHg="})");
  EXPECT_TRUE(last.is_last);
  EXPECT_EQ(text_in(last.object, "reply"), "eHg=");
}

TEST(ControlReply, ARefusalEndsTheCommandAsItSays) {
  for (const int code : {64, 65, 69, 75, 77, 78}) {
    try {
      read_control_line(R"({"ok":false,"exit":)" + std::to_string(code) + R"(,"message":"why"})");
      FAIL() << code;
    } catch (const NotTheProtocol&) {
      FAIL() << code;
    } catch (const CommandError& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_STREQ(error.what(), "why");
    }
  }
}

// 0 would be verified, 1 tampered with, 2 undetermined; of 256 and 320 the system keeps 0 and 64.
TEST(ControlReply, ARefusalIsNeverAVerdict) {
  for (const char* code : {"0", "1", "2", "63", "79", "256", "257", "320", "-1", "65.5", "\"65\"",
                           "true", "null", "[65]", "18446744073709551616"}) {
    const std::string line = std::string(R"({"ok":false,"message":"x","exit":)") + code + "}";
    EXPECT_THROW(read_control_line(line), NotTheProtocol) << code;
  }
  EXPECT_THROW(read_control_line(R"({"ok":false,"message":"x"})"), NotTheProtocol);
}

TEST(ControlReply, WhatIsNoneOfItsLinesIsRefused) {
  for (const char* line : {"", "{", "[]", "7", "HTTP/1.1 400 Bad Request", R"({"ok":1})",
                           R"({"ok":null})", R"({"ok":false,"exit":65})",
                           R"({"ok":false,"exit":65,"message":7})", R"({"ok":true} {})"}) {
    try {
      read_control_line(line);
      FAIL() << line;
    } catch (const NotTheProtocol& error) {
      EXPECT_EQ(error.code(), kMalformed);
    }
  }
  EXPECT_THROW(text_in({{"evidence", 7}}, "evidence"), NotTheProtocol);
  EXPECT_THROW(text_in({}, "evidence"), NotTheProtocol);
}

}  // namespace
}  // namespace stele::tools
