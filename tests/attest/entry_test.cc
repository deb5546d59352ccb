// Goal: voids and remarks are read and written back unchanged, and nothing else is one.
// Method: round trips at the edges; every prefix; every value of the enumerations.
#include "attest/entry.h"

#include <gtest/gtest.h>

#include "tests/support/examples.h"

namespace stele::attest {
namespace {

TEST(Voided, IsReadAndWrittenBackUnchanged) {
  for (const VoidReason reason : {VoidReason::run_changed, VoidReason::kept}) {
    const Voided voided{reason, test::filled(0x77)};
    const auto read = decode_voided(encode(voided));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, voided);
  }
  EXPECT_EQ(to_hex(encode(Voided{VoidReason::kept, test::filled(0x77)})),
            "02" + to_hex(test::filled(0x77)));
}

TEST(Voided, AnythingElseIsRefused) {
  Bytes bytes = encode(test::example_voided());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(decode_voided(ByteView(bytes).first(length)).error().fault, Fault::truncated);
  }
  for (int reason = 0; reason < 256; ++reason) {
    bytes[0] = static_cast<std::uint8_t>(reason);
    EXPECT_EQ(decode_voided(bytes).has_value(), reason == 1 || reason == 2) << reason;
  }
  bytes[0] = 1;
  bytes.push_back(0);
  EXPECT_EQ(decode_voided(bytes).error().fault, Fault::trailing_bytes);
}

TEST(Remark, IsReadAndWrittenBackUnchanged) {
  for (int code = 1; code <= 5; ++code) {
    for (const std::string& text : {std::string(), std::string("P \xe2\x89\xa0 fold"),
                                    std::string(kMaxRemarkBytes, 'x')}) {
      const Remark remark{static_cast<RemarkCode>(code), -1, ~std::uint64_t{0}, text};
      const auto read = decode_remark(encode(remark));
      ASSERT_TRUE(read);
      EXPECT_EQ(*read, remark);
    }
  }
  EXPECT_EQ(to_hex(encode(Remark{RemarkCode::pause, 2, 3, "ab"})),
            "04" "0000000000000002" "0000000000000003" "0002" "6162");
}

TEST(Remark, AnythingElseIsRefused) {
  Bytes bytes = encode(test::example_remark());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(decode_remark(ByteView(bytes).first(length)).error().fault, Fault::truncated);
  }
  for (int code = 0; code < 256; ++code) {
    bytes[0] = static_cast<std::uint8_t>(code);
    EXPECT_EQ(decode_remark(bytes).has_value(), code >= 1 && code <= 5) << code;
  }
  bytes[0] = 1;
  bytes.back() = 0xff;
  EXPECT_EQ(decode_remark(bytes).error().fault, Fault::value_out_of_range);
  bytes.back() = 'x';
  bytes.push_back(0);
  EXPECT_EQ(decode_remark(bytes).error().fault, Fault::trailing_bytes);
  Bytes long_one = encode(Remark{RemarkCode::pause, 0, 0, std::string(kMaxRemarkBytes, 'x')});
  long_one[18] += 1;  // the length's last byte
  long_one.push_back('x');
  EXPECT_EQ(decode_remark(long_one).error().fault, Fault::value_out_of_range);
}

}  // namespace
}  // namespace stele::attest
