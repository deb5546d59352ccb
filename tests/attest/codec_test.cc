// Goal: integers go in and out big-endian, and no input makes a Reader read past its end.
// Method: round trips at the edges of every width; every prefix of a message.
#include "attest/codec.h"

#include <gtest/gtest.h>

#include <limits>

namespace stele::attest {
namespace {

TEST(Writer, WritesBigEndian) {
  Bytes out;
  Writer(out)
      .u8(0x01)
      .u16(0x0203)
      .u32(0x04050607)
      .u64(0x08090a0b0c0d0e0f)
      .i64(-2)
      .bytes(view("ab"))
      .sized16(view("c"))
      .sized32(view("de"));
  EXPECT_EQ(to_hex(out),
            "01" "0203" "04050607" "08090a0b0c0d0e0f" "fffffffffffffffe" "6162" "000163" "000000026465");
}

TEST(Reader, ReadsWhatAWriterWrote) {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 63,
                                    std::numeric_limits<std::uint64_t>::max()}) {
    Bytes out;
    Writer(out)
        .u8(static_cast<std::uint8_t>(value))
        .u16(static_cast<std::uint16_t>(value))
        .u32(static_cast<std::uint32_t>(value))
        .u64(value)
        .i64(static_cast<std::int64_t>(value))
        .bytes(hash(view("a hash")))
        .sized16(view("sixteen"))
        .sized32(view(""));
    Reader reader(out);
    EXPECT_EQ(reader.u8(), static_cast<std::uint8_t>(value));
    EXPECT_EQ(reader.u16(), static_cast<std::uint16_t>(value));
    EXPECT_EQ(reader.u32(), static_cast<std::uint32_t>(value));
    EXPECT_EQ(reader.at(), 7u);
    EXPECT_EQ(reader.u64(), value);
    EXPECT_EQ(reader.i64(), static_cast<std::int64_t>(value));
    EXPECT_EQ(reader.hash(), hash(view("a hash")));
    EXPECT_EQ(to_hex(reader.sized16()), to_hex(view("sixteen")));
    EXPECT_TRUE(reader.sized32().empty());
    EXPECT_TRUE(reader.done());
  }
}

TEST(Reader, FailsOnceAndStaysFailed) {
  const Bytes bytes = {0, 0, 0, 1, 2};
  Reader reader(bytes);
  EXPECT_EQ(reader.u64(), 0u);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.u8(), 0u);  // though there would be one
  EXPECT_EQ(reader.hash(), Hash{});
  EXPECT_TRUE(reader.bytes(0).empty());
  EXPECT_TRUE(reader.sized16().empty());
  EXPECT_FALSE(reader.expect({}));
  EXPECT_FALSE(reader.done());
}

TEST(Reader, ALengthBeyondTheEndFails) {
  for (const char* text : {"0001", "00", "ffff61", "000261"}) {
    const Bytes bytes = *from_hex(text);
    Reader reader(bytes);
    EXPECT_TRUE(reader.sized16().empty());
    EXPECT_TRUE(reader.failed()) << text;
  }
  for (const char* text : {"00000001", "000000", "ffffffff61", "0000000261"}) {
    const Bytes bytes = *from_hex(text);
    Reader reader(bytes);
    EXPECT_TRUE(reader.sized32().empty());
    EXPECT_TRUE(reader.failed()) << text;
  }
}

TEST(Reader, IsDoneOnlyAtTheEnd) {
  const Bytes bytes = {1, 2};
  Reader reader(bytes);
  EXPECT_FALSE(reader.done());
  reader.u8();
  EXPECT_FALSE(reader.done());
  EXPECT_EQ(reader.left(), 1u);
  reader.u8();
  EXPECT_TRUE(reader.done());
  reader.u8();
  EXPECT_FALSE(reader.done());
}

TEST(Reader, ExpectsExactlyTheseBytes) {
  const Bytes bytes = {'m', 'a', 'g', 'i', 'c', '!'};
  Reader right(bytes), wrong(bytes), longer(bytes);
  EXPECT_TRUE(right.expect(view("magic")));
  EXPECT_EQ(right.u8(), '!');
  EXPECT_TRUE(right.done());
  EXPECT_FALSE(wrong.expect(view("magik")));
  EXPECT_TRUE(wrong.failed());
  EXPECT_FALSE(longer.expect(view("magic!!")));
  EXPECT_TRUE(longer.failed());
}

TEST(Reader, EveryPrefixOfAMessageFails) {
  Bytes message;
  Writer(message).u8(1).u32(2).sized16(view("three")).sized32(view("four")).bytes(Hash{});
  for (std::size_t length = 0; length <= message.size(); ++length) {
    Reader reader(ByteView(message).first(length));
    reader.u8();
    reader.u32();
    reader.sized16();
    reader.sized32();
    reader.hash();
    EXPECT_EQ(reader.done(), length == message.size());
    EXPECT_EQ(reader.failed(), length != message.size());
  }
}

TEST(WriterDeathTest, AFieldLongerThanItsLengthCanSayIsABug) {
  const Bytes long_one(65'536);
  Bytes out;
  EXPECT_DEATH(Writer(out).sized16(long_one), "ENSURE");
  Writer(out).sized16(ByteView(long_one).first(65'535));
  EXPECT_EQ(out.size(), 65'537u);
}

}  // namespace
}  // namespace stele::attest
