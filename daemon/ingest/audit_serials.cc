#include "daemon/ingest/audit_serials.h"

#include <algorithm>
#include <charconv>

namespace stele::daemon {
namespace {

constexpr std::size_t kMaxPositionRanges = 32;
constexpr std::uint64_t kTurn = std::uint64_t{1} << 32;     // the kernel counts modulo this
constexpr std::uint64_t kLargest = std::uint64_t{1} << 48;  // of a position

bool take_number(std::string_view& text, std::uint64_t& out) {
  const auto [past, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || out >= kLargest) return false;
  text.remove_prefix(static_cast<std::size_t>(past - text.data()));
  return true;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

// Around the turn, as far as events overtake each other; anywhere else a low number is another
// kernel's.
std::uint64_t AuditSerials::unrolled(std::uint64_t serial) const {
  if (!next_) return serial;
  const std::uint64_t low = *next_ % kTurn;
  const std::uint64_t turn = *next_ - low;
  if (low >= kTurn - kOvertaken && serial < kOvertaken) return turn + kTurn + serial;
  if (turn > 0 && low < kOvertaken && serial >= kTurn - kOvertaken) return turn - kTurn + serial;
  return turn + serial;
}

void AuditSerials::seen(std::uint64_t number, std::int64_t event_ns, Time now,
                        std::vector<attest::Gap>& lost) {
  expire(now, lost);
  const std::uint64_t serial = unrolled(number);
  const std::int64_t newest_ns = std::max(newest_ns_, event_ns);
  if (!next_) {
    restart(serial, event_ns, lost);
  } else if (serial >= *next_) {
    if (serial > *next_) {
      if (missing_.size() >= kMaxRanges) {
        lose(missing_.front(), lost);
        missing_.erase(missing_.begin());
      }
      missing_.push_back({*next_, serial, std::min(newest_ns_, event_ns), newest_ns, now});
    }
    next_ = serial + 1;
  } else if (!found(serial)) {
    const bool is_early = serial < first_ && first_ - serial <= kEarly &&
                          event_ns < first_ns_ + std::chrono::nanoseconds(kPatience).count();
    const bool is_far_back = *next_ - serial > kOvertaken;
    if (is_far_back || (!is_early && event_ns > newest_ns_)) restart(number, event_ns, lost);
  }
  newest_ns_ = newest_ns;
}

bool AuditSerials::found(std::uint64_t serial) {
  const auto at = std::find_if(missing_.begin(), missing_.end(), [&](const Range& range) {
    return range.begin <= serial && serial < range.end;
  });
  if (at == missing_.end()) return false;
  Range after = *at;
  after.begin = serial + 1;
  at->end = serial;
  const bool is_after = after.begin < after.end;
  if (at->begin < at->end) {
    if (is_after) missing_.insert(at + 1, after);
  } else if (is_after) {
    *at = after;
  } else {
    missing_.erase(at);
  }
  return true;
}

// Numbers begin anew, here; what was missing of the old ones will not come.
void AuditSerials::restart(std::uint64_t serial, std::int64_t event_ns,
                           std::vector<attest::Gap>& lost) {
  for (const Range& range : missing_) lose(range, lost);
  missing_.clear();
  first_ = serial;
  first_ns_ = event_ns;
  next_ = serial + 1;
}

void AuditSerials::lose(const Range& range, std::vector<attest::Gap>& lost) {
  attest::Gap gap{range.end - range.begin, "audit_serial_gap"};
  if (range.since_ns > 0) gap.span = attest::GapSpan{range.since_ns, range.until_ns};
  lost.push_back(std::move(gap));
}

void AuditSerials::expire(Time now, std::vector<attest::Gap>& lost) {
  while (!missing_.empty() && now - missing_.front().noticed >= kPatience) {
    lose(missing_.front(), lost);
    missing_.erase(missing_.begin());
  }
}

std::string AuditSerials::position(std::vector<std::uint64_t> open) const {
  if (!next_) return {};
  std::string text = std::to_string(*next_);
  std::vector<Range> ranges = missing_;
  for (const std::uint64_t serial : open) ranges.push_back({serial, serial + 1});
  if (ranges.size() > kMaxPositionRanges) ranges.resize(kMaxPositionRanges);
  for (const Range& range : ranges) {
    text += (&range == &ranges.front() ? ':' : ',') + std::to_string(range.begin);
    if (range.end - range.begin > 1) text += "-" + std::to_string(range.end - 1);
  }
  return text;
}

bool AuditSerials::resume(std::string_view position, std::int64_t newest_ns, Time now) {
  std::uint64_t next = 0;
  std::vector<Range> missing;
  if (!take_number(position, next) || next == 0) return false;
  for (char before = ':'; !position.empty(); before = ',') {
    Range range;
    if (!take(position, before) || !take_number(position, range.begin)) return false;
    range.end = range.begin;
    if (take(position, '-') && !take_number(position, range.end)) return false;
    if (++range.end > next || range.begin >= range.end) return false;
    range.noticed = now;
    missing.push_back(range);
    if (missing.size() > kMaxPositionRanges) return false;
  }
  next_ = next;
  first_ = 0;
  newest_ns_ = newest_ns;
  missing_ = std::move(missing);
  return true;
}

}  // namespace stele::daemon
