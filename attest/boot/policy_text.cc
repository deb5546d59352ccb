#include "attest/boot/policy_text.h"

#include "attest/check.h"
#include "attest/decimal.h"

namespace stele::attest::boot {
namespace {

constexpr std::string_view kRecord = "boot_policy record";
constexpr std::string_view kRules = "boot_policy rules";
constexpr std::string_view kValue = "boot_value ";
constexpr std::string_view kDigest = "boot_digest ";

struct Rule {
  bool is_digest = false;
  std::uint32_t pcr = 0;
  Bytes bytes;
  auto operator<=>(const Rule&) const = default;  // the order of the lines
};

Defect malformed_policy(std::size_t line, const std::string& why) {
  return Defect(Fault::trust_malformed, Place::line(line), why);
}

std::optional<Rule> read_rule(std::string_view line) {
  Rule rule;
  rule.is_digest = line.starts_with(kDigest);
  if (!rule.is_digest && !line.starts_with(kValue)) return std::nullopt;
  line.remove_prefix(rule.is_digest ? kDigest.size() : kValue.size());
  const std::size_t space = line.find(' ');
  if (space == line.npos) return std::nullopt;
  const auto pcr = parse_decimal(line.substr(0, space));
  const auto hash = hash_from_hex(line.substr(space + 1));
  if (!pcr || !is_policy_pcr(*pcr) || !hash || to_hex(*hash) != line.substr(space + 1))
    return std::nullopt;
  rule.pcr = static_cast<std::uint32_t>(*pcr);
  rule.bytes.assign(hash->bytes.begin(), hash->bytes.end());
  return rule;
}

void write(const PcrRule& rule, std::string_view key, std::string& out) {
  for (const auto& [pcr, allowed] : rule) {
    for (const Bytes& bytes : allowed) {
      ENSURE(is_policy_pcr(pcr) && bytes.size() == digest_bytes(Algorithm::sha256));
      out.append(key).append(std::to_string(pcr)).append(" ").append(to_hex(bytes)).append("\n");
    }
  }
}

}  // namespace

bool is_policy_pcr(std::uint64_t pcr) {
  return pcr <= 7 || pcr == kImaPcr;
}

std::size_t rules(const BootPolicy& policy) {
  std::size_t count = 0;
  for (const auto& [pcr, allowed] : policy.values) count += allowed.size();
  for (const auto& [pcr, allowed] : policy.digests) count += allowed.size();
  return count;
}

std::string to_text(const BootPolicy& policy) {
  ENSURE(policy.bank == Algorithm::sha256 && rules(policy) <= kMaxPolicyRules);
  std::string out(policy.records_only() ? kRecord : kRules);
  out += '\n';
  write(policy.values, kValue, out);
  write(policy.digests, kDigest, out);
  return out;
}

Result<BootPolicy> parse_policy(std::string_view text, std::size_t first_line) {
  BootPolicy policy;
  std::optional<Rule> before;
  bool with_rules = false;
  std::size_t number = first_line;
  for (std::size_t read = 0; read == 0 || !text.empty(); ++read, ++number) {
    const std::size_t end = text.find('\n');
    if (end == text.npos) {
      return malformed_policy(number,
                              text.empty() ? "missing: boot_policy" : "the line does not end");
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (read == 0) {
      with_rules = line == kRules;
      if (!with_rules && line != kRecord) {
        return malformed_policy(number, "expected \"boot_policy record\" or \"boot_policy rules\"");
      }
      continue;
    }
    if (!with_rules) return malformed_policy(number, "a line after \"boot_policy record\"");
    if (read > kMaxPolicyRules) {
      return malformed_policy(number, "more than " + std::to_string(kMaxPolicyRules) + " rules");
    }
    auto rule = read_rule(line);
    if (!rule) {
      return malformed_policy(
          number,
          "expected \"boot_value PCR HEX\" or \"boot_digest PCR HEX\", PCR 0-7 or 10, "
          "HEX a SHA-256 value in lower case");
    }
    if (before && !(*before < *rule)) {
      return malformed_policy(
          number,
          "a rule twice, or out of order: values, then digests, each ascending by "
          "PCR, then by value");
    }
    (rule->is_digest ? policy.digests : policy.values)[rule->pcr].insert(rule->bytes);
    before = std::move(rule);
  }
  if (with_rules && !before)
    return malformed_policy(number, "\"boot_policy rules\" without a rule");
  return policy;
}

}  // namespace stele::attest::boot
