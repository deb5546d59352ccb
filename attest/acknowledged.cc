#include "attest/acknowledged.h"

#include <optional>

#include "attest/check.h"
#include "attest/decimal.h"

namespace stele::attest {
namespace {

constexpr std::string_view kKey = "acknowledged_extend ";

std::optional<AcknowledgedExtend> read(std::string_view line) {
  if (!line.starts_with(kKey)) return std::nullopt;
  line.remove_prefix(kKey.size());
  const std::size_t space = line.find(' ');
  if (space == line.npos) return std::nullopt;
  const auto seq = parse_decimal(line.substr(0, space));
  const auto digest = hash_from_hex(line.substr(space + 1));
  if (!seq || *seq == 0 || !digest || to_hex(*digest) != line.substr(space + 1))
    return std::nullopt;
  return AcknowledgedExtend{*seq, *digest};
}

}  // namespace

std::string to_text(const std::vector<AcknowledgedExtend>& acknowledged) {
  ENSURE(acknowledged.size() <= kMaxAcknowledgedExtends);
  std::string out;
  std::uint64_t before = 0;
  for (const AcknowledgedExtend& one : acknowledged) {
    ENSURE(one.seq > before);
    before = one.seq;
    out.append(kKey).append(std::to_string(one.seq)).append(" ");
    out.append(to_hex(one.digest)).append("\n");
  }
  return out;
}

Result<std::vector<AcknowledgedExtend>> parse_acknowledged(std::string_view text,
                                                           std::size_t first_line) {
  std::vector<AcknowledgedExtend> out;
  while (!text.empty()) {
    const auto malformed = [&](std::string why) {
      return Defect(Fault::trust_malformed, Place::line(first_line + out.size()), std::move(why));
    };
    const std::size_t end = text.find('\n');
    if (end == text.npos) return malformed("the line does not end");
    const auto one = read(text.substr(0, end));
    if (!one) return malformed("expected \"acknowledged_extend SEQ HEX\", of 32 bytes");
    if (out.size() == kMaxAcknowledgedExtends) {
      return malformed("more than " + std::to_string(kMaxAcknowledgedExtends) +
                       " acknowledged foreign extends of one era");
    }
    if (!out.empty() && one->seq <= out.back().seq) {
      return malformed("acknowledged anchors ascend, none twice");
    }
    out.push_back(*one);
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace stele::attest
