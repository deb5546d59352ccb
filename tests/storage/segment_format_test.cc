// Goal: segment bytes are exactly those of storage/README.md, every part inverts, nothing bent is
// taken.
// Method: the README's example bytes are made anew; each part is encoded, decoded, cut at every
// length and bent in every bit.

#include "storage/segment_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "attest/codec.h"
#include "storage/group_encoder.h"
#include "storage/journal_format.h"
#include "tests/support/records.h"

namespace stele::storage {
namespace {

using attest::Bytes;

SegmentHeader example_header() {
  SegmentHeader header;
  header.log_id = test::test_log_id();
  header.marker = {0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7};
  return header;
}

// Segment 0 of a log whose one record is the genesis of these tests, with a fixed marker.
Bytes example_segment() {
  const SegmentHeader header = example_header();
  Bytes bytes = encode(header);
  const NewRecord genesis = test::genesis_record();
  GroupEncoder encoder(128u << 10);
  attest::CompactRange tree;
  std::vector<UpperNode> none;
  const auto group =
      encoder.encode({header, header.previous_checksum, 0}, std::span(&genesis, 1), tree, none);
  bytes.insert(bytes.end(), group.bytes.begin(), group.bytes.end());
  return bytes;
}

// As `xxd -g 1 -c 16` without the text column.
std::string dump(const Bytes& bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 16) {
    Bytes offset;
    attest::Writer(offset).u16(static_cast<std::uint16_t>(i));
    text += attest::to_hex(offset) + ":";
    for (std::size_t j = i; j < std::min(i + 16, bytes.size()); ++j) {
      text += " " + attest::to_hex(attest::ByteView(bytes).subspan(j, 1));
    }
    text += "\n";
  }
  return text;
}

TEST(SegmentFormat, ExampleBytesOfTheReadmeAreTrue) {
  std::ifstream file(std::string(STELE_SOURCE_DIR) + "/storage/README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(readme.find(dump(example_segment())), std::string::npos) << "it should hold:\n"
                                                                     << dump(example_segment());
}

TEST(SegmentFormat, HeadersInvertAtEverySize) {
  for (std::uint64_t first = 0; first < 100; ++first) {
    SegmentHeader header = example_header();
    header.era = 3;
    header.number = first * 5;
    header.first_index = first;
    header.previous_checksum = test::salt_of(first);
    for (std::uint64_t left = first; left > 0; left &= left - 1)
      header.roots.push_back(test::salt_of(left));
    Bytes bytes = encode(header);
    const std::size_t length = bytes.size();
    bytes.push_back(0x77);  // what follows does not matter
    std::size_t used = 0;
    const auto decoded = decode_segment_header(bytes, used);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(used, length);
    EXPECT_EQ(decoded->first_index, first);
    EXPECT_EQ(decoded->roots, header.roots);
    EXPECT_EQ(encode(*decoded), Bytes(bytes.begin(), bytes.end() - 1));
  }
}

TEST(SegmentFormat, RefusesEverySegmentHeaderCutOrBent) {
  const Bytes good = encode(example_header());
  std::size_t used = 0;
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(decode_segment_header(attest::ByteView(good).first(length), used));
  }
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bent = good;
    bent[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_FALSE(decode_segment_header(bent, used)) << bit;
  }
}

// Whatever a decoder of fixed parts takes encodes to the same bytes.
template <class Decode>
void expect_canonical(attest::ByteView good, Decode decode) {
  EXPECT_TRUE(decode(good).has_value());
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(decode(good.first(length)));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bent(good.begin(), good.end());
    bent[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    const auto decoded = decode(bent);
    EXPECT_TRUE(!decoded || std::ranges::equal(encode(*decoded), bent)) << bit;
  }
  Bytes longer(good.begin(), good.end());
  longer.push_back(0);
  EXPECT_FALSE(decode(longer));
}

TEST(SegmentFormat, GroupAndBlockPartsAreCanonical) {
  GroupHeader group;
  group.marker = example_header().marker;
  group.first_index = 12;
  group.count = 3;
  group.leaf_bytes = 150;
  group.content_bytes = 400;
  group.blocks = 2;
  group.time_ns = -5;
  group.group_number = 7;
  expect_canonical(encode(group), decode_group_header);
  expect_canonical(encode(GroupTrailer{678, test::salt_of(1), test::salt_of(2)}),
                   decode_group_trailer);
  expect_canonical(encode(BlockHeader{0, 0, 0, 1, 2, 300, 300}), decode_block_header);
  expect_canonical(encode(BlockHeader{1, 1, 9, 1, 2, 300, 900}), decode_block_header);
  expect_canonical(encode(EntryHeader{example_header().marker, 3, 256}), decode_entry_header);
}

TEST(SegmentFormat, RefusesLengthsThatCannotBe) {
  GroupHeader group;
  group.count = 1;
  group.leaf_bytes = 50;
  group.content_bytes = 68;
  group.blocks = 1;
  ASSERT_TRUE(decode_group_header(encode(group)));
  const auto refused = [&](auto change) {
    GroupHeader bent = group;
    change(bent);
    return !decode_group_header(encode(bent)).has_value();
  };
  EXPECT_TRUE(refused([](GroupHeader& g) { g.count = 0; }));
  EXPECT_TRUE(refused([](GroupHeader& g) { g.count = kMaxGroupRecords + 1; }));
  EXPECT_TRUE(refused([](GroupHeader& g) { g.leaf_bytes = 49; }));
  EXPECT_TRUE(refused([](GroupHeader& g) { g.content_bytes = kMaxGroupBytes + 1; }));
  EXPECT_TRUE(refused([](GroupHeader& g) { g.blocks = 0; }));
  EXPECT_TRUE(refused([](GroupHeader& g) { g.blocks = 2; }));
  EXPECT_TRUE(refused([](GroupHeader& g) { g.first_index = ~std::uint64_t{0}; }));
}

}  // namespace
}  // namespace stele::storage
