#include "daemon/ingest/journal_positions.h"

#include <algorithm>
#include <charconv>

namespace stele::daemon {
namespace {

using Span = JournalPositions::Span;

constexpr std::size_t kIdLength = 32;

std::string hex(std::uint64_t number) {
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number, 16);
  return std::string(digits, end);
}

// How many of the spans begin at or below it.
std::size_t begun_by(const std::vector<Span>& spans, std::uint64_t number) {
  const auto above = std::ranges::upper_bound(spans, number, {}, &Span::first);
  return static_cast<std::size_t>(above - spans.begin());
}

// As hex() writes it, and not zero.
std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [past, error] = std::from_chars(text.data(), end, number, 16);
  if (error != std::errc{} || past != end || number == 0 || hex(number) != text) {
    return std::nullopt;
  }
  return number;
}

std::optional<Span> span_in(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = number_in(text.substr(0, dash));
  const auto last = number_in(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return Span{*first, *last};
}

// Takes what stands before the separator, and with it, off the text; nothing before or behind it
// is refused by whoever reads the part.
std::string_view take_part(std::string_view& text, char separator, bool& more) {
  const std::size_t end = text.find(separator);
  more = end != std::string_view::npos;
  const std::string_view part = text.substr(0, end);
  text = more ? text.substr(end + 1) : std::string_view{};
  return part;
}

}  // namespace

void JournalPositions::begin(Numbering& numbering, std::size_t at, std::uint64_t number) {
  auto& spans = numbering.spans;
  spans.insert(spans.begin() + static_cast<std::ptrdiff_t>(at), Span{number, number});
  if (spans.size() == 1) return;
  if (++holes_ > kMaxJournalHoles) close_hole_but_at(numbering, at);
}

// The oldest of this numbering; not one beside the span at `at`, which has just begun: what fills
// that one is likely to be under way.
void JournalPositions::close_hole_but_at(Numbering& numbering, std::size_t at) {
  const auto close = [&](std::vector<Span>& spans, std::size_t hole) {
    spans[hole].last = spans[hole + 1].last;
    spans.erase(spans.begin() + static_cast<std::ptrdiff_t>(hole) + 1);
    --holes_;
  };
  for (std::size_t hole = 0; hole + 1 < numbering.spans.size(); ++hole) {
    if (hole != at && hole + 1 != at) return close(numbering.spans, hole);
  }
  for (auto& [id, other] : all_) {
    if (&other != &numbering && other.spans.size() > 1) return close(other.spans, 0);
  }
}

void JournalPositions::see(std::string_view numbering, std::uint64_t number, bool begins) {
  if (number == 0) return;  // journald gives none
  auto found = all_.find(numbering);
  if (found == all_.end()) found = all_.emplace(numbering, Numbering{}).first;
  auto& spans = found->second.spans;
  found->second.gone = false;
  const std::size_t at = begun_by(spans, number);
  if (at > 0 && number <= spans[at - 1].last) return;
  if (at > 0 && (!begins || spans[at - 1].last + 1 == number)) {
    spans[at - 1].last = number;
    if (at == spans.size() || spans[at].first != number + 1) return;
    spans[at - 1].last = spans[at].last;
    spans.erase(spans.begin() + static_cast<std::ptrdiff_t>(at));
    --holes_;
  } else if (at < spans.size() && spans[at].first == number + 1) {
    spans[at].first = number;
  } else {
    begin(found->second, at, number);
  }
}

void JournalPositions::forget(std::string_view numbering) {
  const auto found = all_.find(numbering);
  if (found == all_.end()) return;
  holes_ -= found->second.spans.size() - 1;
  all_.erase(found);
}

void JournalPositions::set_gone(std::string_view numbering) {
  const auto found = all_.find(numbering);
  if (found != all_.end()) found->second.gone = true;
}

std::uint64_t JournalPositions::newest_of(std::string_view numbering) const {
  const auto found = all_.find(numbering);
  return found == all_.end() ? 0 : found->second.spans.back().last;
}

std::uint64_t JournalPositions::last_before(std::string_view numbering,
                                            std::uint64_t number) const {
  const auto found = all_.find(numbering);
  if (found == all_.end()) return 0;
  const std::size_t at = begun_by(found->second.spans, number - 1);
  return at > 0 ? std::min(found->second.spans[at - 1].last, number - 1) : 0;
}

std::uint64_t JournalPositions::unread_from(std::string_view numbering,
                                            std::uint64_t number) const {
  const auto found = all_.find(numbering);
  if (found == all_.end()) return number;
  const auto& spans = found->second.spans;
  const std::size_t at = begun_by(spans, number);
  return at > 0 && number <= spans[at - 1].last ? spans[at - 1].last + 1 : number;
}

std::string JournalPositions::encoded() const {
  std::string out;
  for (const auto& [id, numbering] : all_) {
    if (!out.empty()) out += ',';
    out.append(id).append(":");
    for (const Span& span : numbering.spans) {
      if (&span != numbering.spans.data()) out += '+';
      out.append(hex(span.first)).append("-").append(hex(span.last));
    }
    if (numbering.gone) out += '!';
  }
  return out;
}

std::optional<JournalPositions> parse_journal_positions(std::string_view text) {
  JournalPositions out;
  for (bool more = !text.empty(); more;) {
    std::string_view one = take_part(text, ',', more);
    if (one.size() <= kIdLength + 1 || one[kIdLength] != ':') return std::nullopt;
    const std::string_view id = one.substr(0, kIdLength);
    if (id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    if (!out.all_.empty() && out.all_.rbegin()->first >= id) return std::nullopt;
    auto& numbering = out.all_[std::string(id)];
    one.remove_prefix(kIdLength + 1);
    numbering.gone = one.ends_with('!');
    if (numbering.gone) one.remove_suffix(1);
    for (bool further = true; further;) {
      const auto span = span_in(take_part(one, '+', further));
      auto& spans = numbering.spans;
      if (!span || (!spans.empty() && ++out.holes_ > kMaxJournalHoles)) return std::nullopt;
      if (!spans.empty() && (span->first <= spans.back().last + 1 || spans.back().last + 1 == 0)) {
        return std::nullopt;
      }
      spans.push_back(*span);
    }
  }
  return out;
}

}  // namespace stele::daemon
