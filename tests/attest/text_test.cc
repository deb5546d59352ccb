// Goal: the text forms (base64, RFC 3339, printable) invert, are canonical and let nothing through
// that a terminal would obey. Method: known answers of the RFCs, every short input, refused texts.
#include <gtest/gtest.h>

#include <limits>

#include "attest/base64.h"
#include "attest/printable.h"
#include "attest/rfc3339.h"

namespace stele::attest {
namespace {

TEST(Base64, GivesTheRfcsKnownAnswers) {
  const char* const cases[][2] = {{"", ""},
                                  {"f", "Zg=="},
                                  {"fo", "Zm8="},
                                  {"foo", "Zm9v"},
                                  {"foob", "Zm9vYg=="},
                                  {"fooba", "Zm9vYmE="},
                                  {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : cases) {
    EXPECT_EQ(to_base64(view(plain)), text);
    const auto back = from_base64(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(std::string(back->begin(), back->end()), plain);
  }
}

TEST(Base64, InvertsAtEveryLengthAndByte) {
  Bytes bytes;
  for (unsigned i = 0; i < 600; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes.push_back(static_cast<std::uint8_t>(i * 7));
  }
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=", "====", "Z===", "Zm9v\n",
                           " Zm9v", "Zm-_", "Zg==Zg=="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Rfc3339, GivesKnownTimes) {
  EXPECT_EQ(to_rfc3339(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(to_rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(to_rfc3339(951'827'696'123'456'789), "2000-02-29T12:34:56.123456789Z");
  EXPECT_EQ(from_rfc3339("2000-02-29T12:34:56.123456789Z"), 951'827'696'123'456'789);
  EXPECT_EQ(from_rfc3339("2000-02-29T14:04:56.1+01:30"), 951'827'696'100'000'000);
  EXPECT_EQ(from_rfc3339("2000-02-28T23:34:56-13:00"), 951'827'696'000'000'000);
}

TEST(Rfc3339, InvertsOverTheWholeRange) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() / 100 * 99;
  for (std::int64_t time = -kLast; time < kLast - kLast / 997; time += kLast / 997) {
    EXPECT_EQ(from_rfc3339(to_rfc3339(time)), time);
  }
}

TEST(Rfc3339, RefusesWhatIsNotExactlyATime) {
  for (const char* text :
       {"", "2026-11-23", "2026-11-23T07:50Z", "2026-11-23 07:50:00Z", "2026-11-23t07:50:00Z",
        "2026-11-23T07:50:00z", "2026-11-23T07:50:00", "2026-11-23T07:50:60Z",
        "2026-11-23T24:00:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-23T07:50:00.Z", "2026-11-23T07:50:00.1234567890Z", "2026-11-23T07:50:00+0100",
        "2026-11-23T07:50:00Z ", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        "2026-1-023T07:50:00Z"}) {
    EXPECT_FALSE(from_rfc3339(text)) << text;
  }
}

TEST(Printable, KeepsTextAndEscapesEverythingElse) {
  EXPECT_EQ(printable("plain — ünïcode 漢 😀"), "plain — ünïcode 漢 😀");
  EXPECT_EQ(printable(std::string_view("a\0b\x1b[2J\r\n\t\x7f", 11)),
            "a\\x00b\\x1b[2J\\x0d\\x0a\\x09\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(printable("\xff\xc3\xe2\x82"), "\\xff\\xc3\\xe2\\x82");
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "evil"),
            "\\xe2\\x80\\xae"
            "evil");
  EXPECT_EQ(printable("\\x1b"), "\\\\x1b");
}

TEST(Printable, NoBytePassesThatATerminalObeys) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      for (char c : printable(bytes)) {
        const auto byte = static_cast<unsigned char>(c);
        EXPECT_TRUE(byte >= 0x20 && byte != 0x7f);
      }
      const std::string shown = printable(bytes);
      EXPECT_FALSE(shown[0] == '\xc2' && static_cast<unsigned char>(shown[1]) < 0xa0);
    }
  }
}

TEST(Printable, IsPrintableExactlyWhenNothingIsEscaped) {
  EXPECT_TRUE(is_printable(""));
  EXPECT_TRUE(is_printable("tab\tand back\\slash"));
  EXPECT_FALSE(is_printable("line\r"));
  EXPECT_FALSE(is_printable("\xff"));
  EXPECT_FALSE(is_printable("\xc2\x9b"));
}

}  // namespace
}  // namespace stele::attest
