#include "daemon/read_out/rfc3164.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "attest/rfc3339.h"
#include "daemon/read_out/syslog_header.h"

namespace stele::daemon {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kQuarter = 15 * kMinute;  // zones differ by multiples of it
constexpr std::int64_t kLate = 5 * kMinute;      // a message under way for longer tells no zone
constexpr std::size_t kMaxTagBytes = 48;         // the RFC says 32; APP-NAME of its successor

// "Oct 11 22:14:15" and the space behind it.
struct OldTime {
  int month = 0;
  std::string_view day, clock;
};

std::optional<OldTime> take_old_time(std::string_view& text) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() < 16 || text[3] != ' ' || text[6] != ' ' || text[15] != ' ') return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(0, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const OldTime time{static_cast<int>(month / 3) + 1, text.substr(4, 2), text.substr(7, 8)};
  text.remove_prefix(16);
  return time;
}

// In this year, as UTC; nothing for a day or a clock that is none.
std::optional<std::int64_t> in_year(const OldTime& time, int year) {
  std::string text(24, '\0');
  const char tens = time.day[0] == ' ' ? '0' : time.day[0];
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02d-%c%cT%.8sZ", year,
                                   time.month, tens, time.day[1], time.clock.data());
  if (length <= 0) return std::nullopt;
  return attest::from_rfc3339(std::string_view(text.data(), static_cast<std::size_t>(length)));
}

std::optional<std::int64_t> infer(const OldTime& time, std::int64_t received_ns) {
  // By the mean year: at the turn of a year it may be the next or the last one, which are tried
  // too.
  const int year = 1970 + static_cast<int>(received_ns / kSecond / 31'556'952);
  std::optional<std::int64_t> nearest;
  std::int64_t best = 0;
  for (const int candidate : {year, year - 1, year + 1}) {
    const auto ns = in_year(time, candidate);
    if (!ns) continue;
    const std::int64_t distance = std::abs(*ns / kSecond - received_ns / kSecond);
    if (!nearest || distance < best) nearest = ns, best = distance;
    if (best < 180 * 86'400) break;  // no other year is nearer
  }
  // The 29th of February may be in none of the three.
  if (!nearest) return in_year(time, (year + 3) / 4 * 4);
  const std::int64_t ahead = *nearest / kSecond - received_ns / kSecond;
  const std::int64_t quarter = kQuarter / kSecond;
  const std::int64_t offset = (ahead + (ahead < 0 ? -quarter : quarter) / 2) / quarter * quarter;
  const bool is_zone = offset >= -12 * 3600 && offset <= 14 * 3600;
  if (is_zone && std::abs(ahead - offset) <= kLate / kSecond) return *nearest - offset * kSecond;
  return nearest;
}

bool is_host_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == ':' || c == '%' || c == '[' || c == ']' || c == '/' || c == '@';
}
bool is_tag_char(char c) {
  return c > ' ' && c < 0x7f && c != ':' && c != '[' && c != ']';
}

// "tag:", "tag[pid]:"; without either, there is no tag and the message is left alone.
void take_tag(std::string_view& text, Rfc3164& out) {
  std::size_t end = 0;
  while (end < text.size() && is_tag_char(text[end])) ++end;
  if (end == 0 || end > kMaxTagBytes || end == text.size()) return;
  std::string_view rest = text.substr(end);
  std::string_view proc_id;
  if (take(rest, "[")) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos || close > 128) return;
    proc_id = rest.substr(0, close);
    rest.remove_prefix(close + 1);
  }
  if (!take(rest, ":")) return;
  out.tag = text.substr(0, end);
  out.proc_id = proc_id;
  text = rest;
}

bool take_time(std::string_view& text, std::int64_t received_ns, Rfc3164& out) {
  if (const auto old = take_old_time(text)) {
    const auto time = infer(*old, received_ns);
    if (!time) return false;
    out.time_ns = *time;
    out.time_inferred = true;
    return true;
  }
  if (text.size() < 20 || text[4] != '-' || text[10] != 'T') return false;
  const auto time = attest::from_rfc3339(take_word(text));
  if (time) out.time_ns = *time;
  return time.has_value();
}

}  // namespace

std::optional<Rfc3164> parse_rfc3164(std::string_view text, std::int64_t received_ns) {
  Rfc3164 out;
  out.priority = take_priority(text);
  if (!out.priority && text.starts_with('<')) return std::nullopt;
  if (!take_time(text, received_ns, out)) return std::nullopt;
  // A local sender leaves the host out: "<30>Oct 11 22:14:15 tag[1]: message".
  std::string_view rest = text;
  const std::string_view host = take_word(rest);
  const bool is_tag = host.ends_with(':');
  if (!is_tag) {
    if (host.empty() || host.size() > 255 || !std::all_of(host.begin(), host.end(), is_host_char)) {
      return std::nullopt;
    }
    out.hostname = host;
    text = rest;
  }
  take_tag(text, out);
  take(text, " ");
  out.message = text;
  return out;
}

}  // namespace stele::daemon
