#include "daemon/ingest/journal_positions.h"

#include <algorithm>
#include <charconv>

namespace stele::daemon {
namespace {

constexpr std::size_t kIdLength = 32;

std::string hex(std::uint64_t number) {
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number, 16);
  return std::string(digits, end);
}

}  // namespace

void JournalPositions::see(std::string_view numbering, std::uint64_t number) {
  const auto found = newest_.find(numbering);
  if (found == newest_.end()) {
    newest_.emplace(numbering, number);
  } else {
    found->second = std::max(found->second, number);
  }
}

void JournalPositions::see(const JournalPositions& others) {
  for (const auto& [numbering, number] : others.newest_) see(numbering, number);
}

void JournalPositions::forget(std::string_view numbering) {
  const auto found = newest_.find(numbering);
  if (found != newest_.end()) newest_.erase(found);
}

std::uint64_t JournalPositions::of(std::string_view numbering) const {
  const auto found = newest_.find(numbering);
  return found == newest_.end() ? 0 : found->second;
}

std::string JournalPositions::encoded() const {
  std::string out;
  for (const auto& [numbering, number] : newest_) {
    if (!out.empty()) out += ',';
    out.append(numbering).append(":").append(hex(number));
  }
  return out;
}

std::optional<JournalPositions> parse_journal_positions(std::string_view text) {
  JournalPositions out;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    if (one.size() <= kIdLength + 1 || one[kIdLength] != ':') return std::nullopt;
    const std::string_view id = one.substr(0, kIdLength);
    if (id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    std::uint64_t number = 0;
    const char* const end = one.data() + one.size();
    const auto [past, error] = std::from_chars(one.data() + kIdLength + 1, end, number, 16);
    if (error != std::errc{} || past != end || hex(number) != one.substr(kIdLength + 1) ||
        (!out.newest_.empty() && out.newest_.rbegin()->first >= id)) {
      return std::nullopt;
    }
    out.newest_.emplace(id, number);
    if (one.size() == text.size()) return out;
    text.remove_prefix(one.size() + 1);
    if (text.empty()) return std::nullopt;
  }
  return out;
}

}  // namespace stele::daemon
