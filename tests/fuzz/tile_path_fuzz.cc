#include "daemon/http/tile_path.h"

#include "daemon/http/gzip.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(tile_path) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  static_cast<void>(accepts_gzip(text));
  const auto path = parse_tile_path(text);
  if (!path) return false;
  ENSURE(path->index < (std::uint64_t{1} << 56) && path->width >= 1 && path->width <= kTileWidth);
  ENSURE(path->level < kTileLevels && to_text(*path) == text);
  return true;
}
