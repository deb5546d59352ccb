#include "daemon/ingest/journal_export.h"

#include <algorithm>
#include <charconv>

#include "attest/utf8.h"

namespace stele::daemon {
namespace {

bool is_text(std::string_view value) {
  const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  return !has_control && attest::is_utf8(value);
}

// The number between `name` and the next ';'.
bool hex_after(std::string_view cursor, std::string_view name, std::uint64_t& out) {
  const std::size_t at = cursor.find(name);
  if (at == std::string_view::npos) return false;
  const std::string_view digits = cursor.substr(at + name.size());
  const char* const end = digits.data() + digits.size();
  const auto [past, error] = std::from_chars(digits.data(), end, out, 16);
  return error == std::errc{} && past != end && *past == ';';
}

}  // namespace

void append_field(std::string& entry, std::string_view field) {
  const std::size_t equals = field.find('=');
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1);
  if (is_text(value)) {
    entry.append(field).append("\n");
    return;
  }
  entry.append(field.substr(0, equals)).append("\n");
  for (unsigned shift = 0; shift < 64; shift += 8) {
    entry += static_cast<char>(std::uint64_t{value.size()} >> shift & 0xff);
  }
  entry.append(value).append("\n");
}

std::optional<JournalNumber> journal_number(std::string_view cursor) {
  constexpr std::size_t kIdLength = 32;
  JournalNumber out;
  const std::size_t boot = cursor.find(";b=");
  if (!cursor.starts_with("s=") || cursor.find(";i=") != 2 + kIdLength ||
      boot == std::string_view::npos || cursor.find(";m=") != boot + 3 + kIdLength) {
    return std::nullopt;
  }
  out.numbering = cursor.substr(2, kIdLength);
  out.boot = cursor.substr(boot + 3, kIdLength);
  if (!hex_after(cursor, ";i=", out.number) || !hex_after(cursor, ";m=", out.monotonic_us) ||
      !hex_after(cursor, ";t=", out.realtime_us)) {
    return std::nullopt;
  }
  return out;
}

}  // namespace stele::daemon
