#include "tools/stele/auditor_desk.h"

#include <algorithm>
#include <filesystem>

#include "attest/trust_limits.h"
#include "tools/stele/command.h"
#include "tools/stele_verify/files.h"

namespace stele::tools {
namespace {

constexpr std::size_t kMaxKeyBytes = 1u << 16;
constexpr std::size_t kMaxMemoryBytes = 1u << 16;

[[noreturn]] void refuse_paper(const std::string& what, const std::string& path,
                               const attest::Defect& defect, const std::string& remedy) {
  throw CommandError(kMalformed, what + " " + path + ": " + std::string(name(defect.fault)) +
                                     (defect.detail.empty() ? "" : " (" + defect.detail + ")") +
                                     "; " + remedy);
}

// Nothing: not there, since a stele-verify of before wrote the memory, or somebody removed it.
std::optional<SignedHalf> read_half(const std::string& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  auto half = decode_signed_half(attest::view(read_whole(path, kMaxMemoryBytes)));
  if (!half) {
    refuse_paper("the signed half", path, half.error(),
                 "restore it, or remove it to go on without");
  }
  return std::move(*half);
}

}  // namespace

AuditorDesk::AuditorDesk(const std::string& trust, const std::string& auditor_key,
                         const std::string& policy, std::string memory)
    : memory_path_(std::move(memory)),
      trust_text_(read_whole(trust, attest::kMaxTrustFileBytes + 1)) {
  std::string key;
  if (!auditor_key.empty()) {
    key = read_whole(auditor_key, kMaxKeyBytes);
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
    eras_approved_ = true;
  }
  auto parsed = attest::parse_trust(trust_text_, key);
  if (!parsed) {
    refuse_paper("the trust file", trust, parsed.error(),
                 "give the file that pins this log, as you received it");
  }
  trust_ = std::move(*parsed);
  if (!policy.empty()) {
    policy_text_ = read_whole(policy, attest::kMaxPolicyBytes + 1);
    auto believed = attest::parse_policy(policy_text_);
    if (!believed) {
      refuse_paper("the policy", policy, believed.error(), "correct that line (C2SP tlog-policy)");
    }
    policy_ = std::move(*believed);
  }
  if (!memory_path_.empty() && std::filesystem::exists(memory_path_)) read_memory();
}

bool AuditorDesk::needs_boot_logs() const {
  const auto needs = [](const attest::TrustPins& pins) {
    return pins.boot_policy && !pins.boot_policy->digests.empty();
  };
  return needs(trust_) || std::any_of(trust_.earlier.begin(), trust_.earlier.end(),
                                      [&](const auto& era) { return needs(era.pins); });
}

void AuditorDesk::read_memory() {
  auto parsed = attest::parse_memory(read_whole(memory_path_, kMaxMemoryBytes));
  if (!parsed) {
    refuse_paper("the memory", memory_path_, parsed.error(),
                 "restore it; without it you only lose what you remembered");
  }
  memory_ = std::move(*parsed);
  halves_ = {read_half(memory_path_ + kAnchorSuffix),
             read_half(memory_path_ + kCounterAnchorSuffix)};
  halves_.keep_those_of(*memory_);
}

std::vector<SignedHalf> AuditorDesk::halves() const {
  std::vector<SignedHalf> halves;
  if (halves_.newest) halves.push_back(*halves_.newest);
  if (halves_.counter) halves.push_back(*halves_.counter);
  return halves;
}

void AuditorDesk::remember(const attest::Memory& memory, KeptHalves shown) {
  shown.keep_those_of(memory);
  if (shown.newest) halves_.newest = std::move(shown.newest);
  if (shown.counter) halves_.counter = std::move(shown.counter);
  halves_.keep_those_of(memory);
  memory_ = memory;
  if (memory_path_.empty()) return;
  write_halves(memory_path_, halves_);
  replace_file(memory_path_, attest::to_text(memory));
}

}  // namespace stele::tools
