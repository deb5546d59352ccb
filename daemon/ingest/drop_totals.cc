#include "daemon/ingest/drop_totals.h"

#include <charconv>
#include <system_error>

namespace stele::daemon {
namespace {

constexpr std::size_t kBootIdLength = 36;

bool take_sign(std::string_view& text, char sign) {
  if (!text.starts_with(sign)) return false;
  text.remove_prefix(1);
  return true;
}

// In whatever form from_chars takes it: the whole is compared with what encoded() writes.
template <class Number>
bool take_digits(std::string_view& text, Number& out, int base = 10) {
  const char* const end = text.data() + text.size();
  const auto [past, error] = std::from_chars(text.data(), end, out, base);
  if (error != std::errc{} || out < Number{0}) return false;
  text.remove_prefix(static_cast<std::size_t>(past - text.data()));
  return true;
}

std::string cookie_text(std::uint64_t cookie) {
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, cookie, 16);
  return std::string(digits, end);
}

}  // namespace

bool is_boot_id(std::string_view text) {
  if (text.size() != kBootIdLength) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (is_dash ? c != '-' : !is_hex) return false;
  }
  return true;
}

std::string DropTotals::encoded() const {
  std::string out = boot_id;
  for (char before = ':'; const auto& [cookie, total] : sockets) {
    out += before + cookie_text(cookie);
    out += '=' + std::to_string(total.dropped);
    out += '@' + std::to_string(total.seen_ns);
    before = ',';
  }
  return out;
}

std::optional<DropTotals> parse_drop_totals(std::string_view text) {
  DropTotals out;
  std::string_view left = text;
  out.boot_id = left.substr(0, kBootIdLength);
  if (!is_boot_id(out.boot_id)) return std::nullopt;
  left.remove_prefix(kBootIdLength);
  for (char before = ':'; !left.empty(); before = ',') {
    std::uint64_t cookie = 0;
    DropTotal total;
    if (out.sockets.size() == kMaxDropTotals) return std::nullopt;
    if (!take_sign(left, before) || !take_digits(left, cookie, 16) || cookie == 0 ||
        !take_sign(left, '=') || !take_digits(left, total.dropped) || !take_sign(left, '@') ||
        !take_digits(left, total.seen_ns)) {
      return std::nullopt;
    }
    out.sockets.emplace(cookie, total);
  }
  // Writing it again refuses leading zeros, another order, a socket that comes twice.
  if (out.sockets.empty() || out.encoded() != text) return std::nullopt;
  return out;
}

}  // namespace stele::daemon
