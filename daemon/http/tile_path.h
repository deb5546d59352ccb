// A C2SP tile's name below /tile/: which hashes, or which entries, are asked for.
//
//   LEVEL/N[.p/WIDTH]     hashes of subtrees of 256^LEVEL leaves each
//   entries/N[.p/WIDTH]   leaves
//   N                     in groups of three digits, all but the last after an x: x001/x234/067
//   WIDTH                 1 to 255; without it a tile is 256 wide
//
// One name for each tile: leading zeros, and groups that say nothing, are refused.
// Thread safety: pure. Trust: names come from whoever may connect.
// See: C2SP tlog-tiles.md, "Merkle Tree" and "Log entries".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

constexpr std::uint64_t kTileWidth = 256;
constexpr std::uint8_t kTileLevels = 64;  // as the specification counts them; from 8 on all empty

struct TilePath {
  bool entries = false;
  std::uint8_t level = 0;   // of hashes
  std::uint64_t index = 0;  // N, below 2^56: no tree has more tiles
  std::uint64_t width = kTileWidth;
  bool operator==(const TilePath&) const = default;
};
std::optional<TilePath> parse_tile_path(std::string_view text);
std::string to_text(const TilePath& path);

}  // namespace stele::daemon
