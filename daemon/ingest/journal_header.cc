#include "daemon/ingest/journal_header.h"

#include <algorithm>

namespace stele::daemon {
namespace {

constexpr std::string_view kSignature = "LPKSHHRH";
constexpr std::size_t kStateAt = 16;
constexpr std::size_t kNumberingAt = 72;
constexpr std::size_t kNumberingBytes = 16;
constexpr std::size_t kNewestAt = 160;
constexpr std::size_t kOldestAt = 168;
constexpr std::uint8_t kArchived = 2;

std::uint64_t little_endian(attest::ByteView bytes, std::size_t at) {
  std::uint64_t out = 0;
  for (std::size_t i = 8; i > 0; --i) out = out << 8 | bytes[at + i - 1];
  return out;
}

}  // namespace

std::optional<JournalHeader> parse_journal_header(attest::ByteView bytes) {
  if (bytes.size() < kJournalHeaderBytes ||
      !std::equal(kSignature.begin(), kSignature.end(), bytes.begin(),
                  [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; })) {
    return std::nullopt;
  }
  JournalHeader out;
  out.numbering = attest::to_hex(bytes.subspan(kNumberingAt, kNumberingBytes));
  out.oldest = little_endian(bytes, kOldestAt);
  out.newest = little_endian(bytes, kNewestAt);
  out.archived = bytes[kStateAt] == kArchived;
  return out;
}

bool is_journald_name(std::string_view file) {
  if (file.starts_with("system.journal") || file.starts_with("system@")) return true;
  constexpr std::string_view kUser = "user-";
  if (!file.starts_with(kUser)) return false;
  const std::size_t end = file.find_first_not_of("0123456789", kUser.size());
  return end != std::string_view::npos && end > kUser.size() &&
         (file[end] == '@' || file.substr(end).starts_with(".journal"));
}

}  // namespace stele::daemon
