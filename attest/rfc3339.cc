#include "attest/rfc3339.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace stele::attest {
namespace {

using std::chrono::days;
using std::chrono::nanoseconds;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

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
  const std::chrono::sys_time<nanoseconds> time{nanoseconds(time_ns)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<nanoseconds> clock(time - day);
  char text[64];
  const int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
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
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t seconds =
      std::chrono::sys_days(date).time_since_epoch().count() * kSecondsPerDay + hour * 3600 +
      minute * 60 + second - offset_minutes * 60;
  return seconds * kNanosecondsPerSecond + fraction;
}

}  // namespace stele::attest
