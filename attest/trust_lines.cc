#include "attest/trust_lines.h"

#include "attest/boot/policy_text.h"
#include "attest/check.h"

namespace stele::attest {
namespace {

constexpr std::string_view kEnrolledLine = "identity ek-chain";
constexpr std::string_view kLockedLine = "locked_from outside";

// A line that is there as it is, or not at all; `prefix`: what no other begins with.
Result<void> parse_fixed(Lines& lines, std::string_view prefix, std::string_view whole,
                         bool& there) {
  if (!lines.rest.starts_with(prefix)) return ok();
  std::string_view found;
  ++lines.number;
  if (!take_line(lines.rest, found)) return malformed(lines.number, "the line does not end");
  if (found != whole) return malformed(lines.number, "not a value of " + std::string(prefix));
  there = true;
  return ok();
}

// The lines that begin so, whatever follows.
struct Block {
  std::string_view text;
  std::size_t first_line = 0;
};
Block take_block(Lines& lines, std::string_view prefix) {
  Block block{lines.rest, lines.number + 1};
  std::string_view line;
  while (lines.rest.starts_with(prefix) && take_line(lines.rest, line)) ++lines.number;
  block.text = block.text.substr(0, block.text.size() - lines.rest.size());
  return block;
}

Result<void> parse_extends(Lines& lines, TrustPins& pins) {
  const Block block = take_block(lines, kAcknowledgedPrefix);
  auto acknowledged = parse_acknowledged(block.text, block.first_line);
  if (!acknowledged) return acknowledged.error();
  pins.acknowledged = *std::move(acknowledged);
  return ok();
}

Result<void> parse_boot_policy(Lines& lines, TrustPins& pins) {
  if (!lines.rest.starts_with(boot::kPolicyPrefix)) return ok();
  const Block block = take_block(lines, boot::kPolicyPrefix);
  auto policy = boot::parse_policy(block.text, block.first_line);
  if (!policy) return policy.error();
  pins.boot_policy = *std::move(policy);
  return ok();
}

}  // namespace

Defect malformed(std::size_t line, std::string why) {
  return Defect(Fault::trust_malformed, Place::line(line), std::move(why));
}

bool take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.find('\n');
  if (end == rest.npos) return false;
  line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

Result<void> parse_auditor_lines(Lines& lines, TrustPins& pins) {
  auto read = parse_fixed(lines, "identity", kEnrolledLine, pins.enrolled);
  if (!read) return read;
  read = parse_fixed(lines, "locked_from", kLockedLine, pins.locked_from_outside);
  if (!read) return read;
  if (pins.locked_from_outside && pins.mode != Mode::a) {
    return malformed(lines.number, "only mode a is locked");
  }
  read = parse_extends(lines, pins);
  if (!read) return read;
  return parse_boot_policy(lines, pins);
}

std::string auditor_lines(const TrustPins& pins) {
  ENSURE(!pins.locked_from_outside || pins.mode == Mode::a);
  std::string out;
  if (pins.enrolled) out.append(kEnrolledLine).append("\n");
  if (pins.locked_from_outside) out.append(kLockedLine).append("\n");
  out += to_text(pins.acknowledged);
  if (pins.boot_policy) out += boot::to_text(*pins.boot_policy);
  return out;
}

bool TrustPins::says_what_only_an_auditor_can() const {
  return enrolled || locked_from_outside || !acknowledged.empty() || boot_policy;
}

void TrustPins::forget_what_only_an_auditor_can_say() {
  enrolled = locked_from_outside = false;
  acknowledged.clear();
  boot_policy.reset();
}

}  // namespace stele::attest
