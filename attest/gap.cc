#include "attest/gap.h"

#include <charconv>

namespace stele::attest {
namespace {

constexpr std::size_t kMaxReason = 64;

// Takes this from the front of the text, if it is there.
bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

template <class T>
bool take_number(std::string_view& text, T& out) {
  const auto [past, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || out < T{0}) return false;
  text.remove_prefix(static_cast<std::size_t>(past - text.data()));
  return true;
}

bool take_reason(std::string_view& text, std::string& out) {
  out = text.substr(0, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"));
  text.remove_prefix(out.size());
  return !out.empty() && out.size() <= kMaxReason;
}

bool take_gap(std::string_view text, Gap& gap) {
  if (!take(text, "{\"lost\":") || !take_number(text, gap.lost)) return false;
  if (!take(text, ",\"reason\":\"") || !take_reason(text, gap.reason)) return false;
  if (take(text, "\"}")) return text.empty();
  GapSpan& span = gap.span.emplace();
  return take(text, "\",\"since_ns\":") && take_number(text, span.since_ns) &&
         take(text, ",\"until_ns\":") && take_number(text, span.until_ns) && text == "}" &&
         span.since_ns <= span.until_ns;
}

}  // namespace

std::string encode(const Gap& gap) {
  std::string text = "{\"lost\":" + std::to_string(gap.lost) + ",\"reason\":\"" + gap.reason + "\"";
  if (gap.span) {
    text += ",\"since_ns\":" + std::to_string(gap.span->since_ns) +
            ",\"until_ns\":" + std::to_string(gap.span->until_ns);
  }
  return text + "}";
}

Result<Gap> decode_gap(ByteView content) {
  const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
  Gap gap;
  // Encoding it again refuses leading zeros, and the like.
  if (!take_gap(text, gap) || encode(gap) != text) {
    return Defect(Fault::value_out_of_range, {}, "the content of a gap record");
  }
  return gap;
}

}  // namespace stele::attest
