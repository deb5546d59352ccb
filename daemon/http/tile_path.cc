#include "daemon/http/tile_path.h"

#include <algorithm>

namespace stele::daemon {
namespace {

constexpr std::string_view kEntries = "entries";
constexpr std::string_view kPartial = ".p/";
constexpr std::uint64_t kMostTiles = std::uint64_t{1} << 56;

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// At most three digits, without leading zeros.
std::optional<std::uint64_t> parse_small(std::string_view text) {
  if (!is_digits(text) || text.size() > 3 || (text.size() > 1 && text[0] == '0')) {
    return std::nullopt;
  }
  return std::stoull(std::string(text));
}

std::optional<std::uint64_t> parse_index(std::string_view text) {
  std::uint64_t index = 0;
  for (bool first = true;; first = false) {
    const bool more = text.starts_with('x');
    if (more) text.remove_prefix(1);
    const std::string_view digits = text.substr(0, 3);
    if (digits.size() != 3 || !is_digits(digits)) return std::nullopt;
    if (first && more && digits == "000") return std::nullopt;
    index = index * 1000 + std::stoull(std::string(digits));
    if (index >= kMostTiles) return std::nullopt;
    text.remove_prefix(3);
    if (!more) break;
    if (!text.starts_with('/')) return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  return index;
}

}  // namespace

std::optional<TilePath> parse_tile_path(std::string_view text) {
  TilePath path;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view what = text.substr(0, slash);
  text.remove_prefix(slash + 1);
  path.entries = what == kEntries;
  if (!path.entries) {
    const auto level = parse_small(what);
    if (!level || *level >= kTileLevels) return std::nullopt;
    path.level = static_cast<std::uint8_t>(*level);
  }
  if (const std::size_t partial = text.find(kPartial); partial != std::string_view::npos) {
    const auto width = parse_small(text.substr(partial + kPartial.size()));
    if (!width || *width == 0 || *width >= kTileWidth) return std::nullopt;
    path.width = *width;
    text = text.substr(0, partial);
  }
  const auto index = parse_index(text);
  if (!index) return std::nullopt;
  path.index = *index;
  return path;
}

std::string to_text(const TilePath& path) {
  std::string number = std::to_string(path.index);
  number.insert(0, (3 - number.size() % 3) % 3, '0');
  std::string text = path.entries ? std::string(kEntries) : std::to_string(path.level);
  for (std::size_t at = 0; at < number.size(); at += 3) {
    text += (at + 3 < number.size() ? "/x" : "/") + number.substr(at, 3);
  }
  if (path.width != kTileWidth) text += std::string(kPartial) + std::to_string(path.width);
  return text;
}

}  // namespace stele::daemon
