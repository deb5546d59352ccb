#include "tools/stele/auditor_desk.h"

#include <filesystem>

#include "tools/stele/command.h"
#include "tools/stele_verify/files.h"

namespace stele::tools {
namespace {

constexpr std::size_t kMaxTrustBytes = 1u << 20;
constexpr std::size_t kMaxKeyBytes = 1u << 16;
constexpr std::size_t kMaxMemoryBytes = 1u << 16;

[[noreturn]] void refuse(const std::string& what, const std::string& path,
                         const attest::Defect& defect, const std::string& remedy) {
  throw CommandError(kMalformed, what + " " + path + ": " + std::string(name(defect.fault)) +
                                     (defect.detail.empty() ? "" : " (" + defect.detail + ")") +
                                     "; " + remedy);
}

std::string anchor_path(const std::string& memory_path) {
  return memory_path + ".anchor";
}

}  // namespace

AuditorDesk::AuditorDesk(const std::string& trust, const std::string& auditor_key,
                         std::string memory)
    : memory_path_(std::move(memory)), trust_text_(read_whole(trust, kMaxTrustBytes)) {
  std::string key;
  if (!auditor_key.empty()) {
    key = read_whole(auditor_key, kMaxKeyBytes);
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
    eras_approved_ = true;
  }
  auto parsed = attest::parse_trust(trust_text_, key);
  if (!parsed) {
    refuse("the trust file", trust, parsed.error(),
           "give the file that pins this log, as you received it");
  }
  trust_ = std::move(*parsed);
  if (!memory_path_.empty() && std::filesystem::exists(memory_path_)) read_memory();
}

void AuditorDesk::read_memory() {
  auto parsed = attest::parse_memory(read_whole(memory_path_, kMaxMemoryBytes));
  if (!parsed) {
    refuse("the memory", memory_path_, parsed.error(),
           "restore it; without it you only lose what you remembered");
  }
  memory_ = std::move(*parsed);
  const std::string anchor = anchor_path(memory_path_);
  if (!std::filesystem::exists(anchor)) return;  // stele-verify wrote the memory
  const auto half = decode_signed_half(attest::view(read_whole(anchor, kMaxMemoryBytes)));
  if (!half) {
    refuse("the signed half", anchor, half.error(), "restore it, or remove it to go on without");
  }
  if (half->digest() == memory_->digest) half_ = std::move(*half);
}

void AuditorDesk::remember(const attest::Memory& memory, const std::optional<SignedHalf>& half) {
  if (half && half->digest() == memory.digest) {
    half_ = half;
  } else if (half_ && half_->digest() != memory.digest) {
    half_.reset();
  }
  memory_ = memory;
  if (memory_path_.empty()) return;
  if (half_) {
    const attest::Bytes bytes = encode(*half_);
    replace_file(anchor_path(memory_path_),
                 {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  replace_file(memory_path_, attest::to_text(memory));
}

}  // namespace stele::tools
