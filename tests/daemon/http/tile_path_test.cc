// Goal: a tile has one name, the specification's, and nothing else is one. Method: the examples of
// C2SP tlog-tiles.md, tables of what is near them, and every name to its tile and back.
#include "daemon/http/tile_path.h"

#include <gtest/gtest.h>

#include "daemon/http/body.h"
#include "daemon/http/gzip.h"

namespace stele::daemon {
namespace {

TEST(TilePath, IsTheSpecifications) {
  EXPECT_EQ(parse_tile_path("0/x001/x234/067"), (TilePath{false, 0, 1234067, 256}));
  EXPECT_EQ(parse_tile_path("0/x001/x234/067.p/255"), (TilePath{false, 0, 1234067, 255}));
  EXPECT_EQ(parse_tile_path("63/000.p/1"), (TilePath{false, 63, 0, 1}));
  EXPECT_EQ(parse_tile_path("entries/x273/999"), (TilePath{true, 0, 273999, 256}));
}

TEST(TilePath, HasNoOtherSpelling) {
  for (const char* text : {"",
                           "0",
                           "0/",
                           "/000",
                           "0/0",
                           "0/00",
                           "0/0000",
                           "0/x000/005",
                           "0/x001",
                           "0/001/002",
                           "0/x001/x002",
                           "0/x001/002/",
                           "0/x001//002",
                           "00/000",
                           "01/000",
                           "64/000",
                           "-1/000",
                           "+1/000",
                           "0/000.p",
                           "0/000.p/",
                           "0/000.p/0",
                           "0/000.p/256",
                           "0/000.p/01",
                           "0/000.p/1/",
                           "0/000.p/1.p/1",
                           "0/X001/002",
                           "0/x1/002",
                           "entries",
                           "entries/",
                           "Entries/000",
                           "entries/000.p/256",
                           "0/000?x",
                           "0/%30%30%30",
                           "0/../000",
                           "0/x999/x999/x999/x999/x999/999",
                           "0/x072/x057/x594/x037/x927/936"}) {
    EXPECT_FALSE(parse_tile_path(text)) << text;
  }
  EXPECT_TRUE(parse_tile_path("0/x072/x057/x594/x037/x927/935"));  // 2^56 - 1
}

TEST(TilePath, OfEveryTileLeadsBackToIt) {
  for (const bool entries : {false, true}) {
    for (std::uint64_t index : {0ull, 1ull, 255ull, 999ull, 1000ull, 999'999ull, 1'000'000ull,
                                1'234'067ull, (1ull << 56) - 1}) {
      for (const std::uint64_t width : {1u, 9u, 10u, 99u, 100u, 255u, 256u}) {
        const TilePath path{entries, static_cast<std::uint8_t>(entries ? 0 : 7), index, width};
        EXPECT_EQ(parse_tile_path(to_text(path)), path) << to_text(path);
      }
    }
  }
}

TEST(Gzip, IsAcceptedWhereTheClientSaysSo) {
  for (const char* text : {"gzip", "GZIP", "identity, gzip", "br;q=1.0, gzip;q=0.1", "*",
                           "deflate , *;q=0.5", "x-gzip"}) {
    EXPECT_TRUE(accepts_gzip(text)) << text;
  }
  for (const char* text : {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzipped",
                           "gzip;q=0, *", ",,,", ";"}) {
    EXPECT_FALSE(accepts_gzip(text)) << text;
  }
}

TEST(Gzip, UnpacksToWhatWasPacked) {
  for (const std::size_t size : {0u, 1u, 52u, 13312u}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * i % 251);
    const std::string packed = gzip(bytes);
    const auto unpacked = unpack(
        Packing::gzip,
        attest::ByteView(reinterpret_cast<const std::uint8_t*>(packed.data()), packed.size()),
        1u << 20);
    ASSERT_TRUE(unpacked);
    EXPECT_EQ(std::string(unpacked->begin(), unpacked->end()), bytes);
    EXPECT_EQ(gzip(bytes), packed);
  }
}

}  // namespace
}  // namespace stele::daemon
