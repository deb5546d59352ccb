#include "attest/rfc3339.h"

#include <cstdio>

namespace stele::attest {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

// The Gregorian calendar by hand: a clock's header has no place in this room.
bool is_leap(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in(std::int64_t year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

// Days from 1970-01-01 to the year's first day; for years after 0.
std::int64_t days_before(std::int64_t year) {
  const auto leap_years_until = [](std::int64_t y) { return y / 4 - y / 100 + y / 400; };
  return 365 * (year - 1970) + leap_years_until(year - 1) - leap_years_until(1969);
}

// Takes fixed-width digits and literal characters from the front; fails for good at the first
// misfit.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  int number(std::size_t digits) {
    if (failed_ || rest_.size() < digits) return failed_ = true, 0;
    int value = 0;
    for (char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return failed_ = true, 0;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  int number(std::size_t digits, int low, int high) {
    const int value = number(digits);
    if (value < low || value > high) failed_ = true;
    return value;
  }
  bool take(char c) {
    if (failed_ || rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) failed_ = true;
  }
  // One to nine digits, as nanoseconds.
  std::int64_t fraction() {
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits) {
      if (digits < 9) value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (digits == 0 || digits > 9) failed_ = true;
    for (; digits < 9; ++digits) value *= 10;
    return value;
  }
  bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

std::string to_rfc3339(std::int64_t time_ns) {
  // Division rounds towards zero; time before 1970 must round down.
  std::int64_t seconds = time_ns / kNanosecondsPerSecond;
  std::int64_t fraction = time_ns % kNanosecondsPerSecond;
  if (fraction < 0) --seconds, fraction += kNanosecondsPerSecond;
  std::int64_t days = seconds / kSecondsPerDay;
  std::int64_t second = seconds % kSecondsPerDay;
  if (second < 0) --days, second += kSecondsPerDay;

  std::int64_t year = 1970 + days / 366;
  while (days_before(year) > days) --year;
  while (days_before(year + 1) <= days) ++year;
  days -= days_before(year);
  int month = 1;
  for (; days >= days_in(year, month); ++month) days -= days_in(year, month);

  char text[64];
  const int length =
      std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ",
                    static_cast<int>(year), month, static_cast<int>(days + 1),
                    static_cast<int>(second / 3600), static_cast<int>(second / 60 % 60),
                    static_cast<int>(second % 60), static_cast<int>(fraction));
  return {text, static_cast<std::size_t>(length)};
}

std::optional<std::int64_t> from_rfc3339(std::string_view text) {
  Scanner in(text);
  const int year = in.number(4, 1678, 2261);
  in.expect('-');
  const int month = in.number(2, 1, 12);
  in.expect('-');
  const int day = in.number(2, 1, 31);
  in.expect('T');
  const int hour = in.number(2, 0, 23);
  in.expect(':');
  const int minute = in.number(2, 0, 59);
  in.expect(':');
  const int second = in.number(2, 0, 59);
  const std::int64_t fraction = in.take('.') ? in.fraction() : 0;
  int offset_minutes = 0;
  if (!in.take('Z')) {
    const int sign = in.take('-') ? -1 : 1;
    if (sign > 0) in.expect('+');
    const int hours = in.number(2, 0, 23);
    in.expect(':');
    offset_minutes = sign * (hours * 60 + in.number(2, 0, 59));
  }
  if (!in.done()) return std::nullopt;
  if (day > days_in(year, month)) return std::nullopt;
  std::int64_t days = days_before(year) + day - 1;
  for (int before = 1; before < month; ++before) days += days_in(year, before);
  const std::int64_t seconds =
      days * kSecondsPerDay + hour * 3600 + minute * 60 + second - offset_minutes * 60;
  return seconds * kNanosecondsPerSecond + fraction;
}

}  // namespace stele::attest
