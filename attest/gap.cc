#include "attest/gap.h"

#include <charconv>

namespace stele::attest {

std::string encode(const Gap& gap) {
  return "{\"lost\":" + std::to_string(gap.lost) + ",\"reason\":\"" + gap.reason + "\"}";
}

Result<Gap> decode_gap(ByteView content) {
  constexpr std::string_view kBegin = "{\"lost\":";
  constexpr std::string_view kMiddle = ",\"reason\":\"";
  constexpr std::string_view kEnd = "\"}";
  constexpr std::size_t kMaxReason = 64;
  const Defect refused(Fault::value_out_of_range, {}, "the content of a gap record");
  const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd)) return refused;
  Gap gap;
  const char* const first = text.data() + kBegin.size();
  const auto [past, error] = std::from_chars(first, text.data() + text.size(), gap.lost);
  const std::string_view rest = text.substr(static_cast<std::size_t>(past - text.data()));
  if (error != std::errc{} || !rest.starts_with(kMiddle)) return refused;
  gap.reason = rest.substr(kMiddle.size(), rest.size() - kMiddle.size() - kEnd.size());
  if (gap.reason.empty() || gap.reason.size() > kMaxReason) return refused;
  for (const char c : gap.reason) {
    if ((c < 'a' || c > 'z') && c != '_') return refused;
  }
  if (encode(gap) != text) return refused;  // leading zeros, and the like
  return gap;
}

}  // namespace stele::attest
