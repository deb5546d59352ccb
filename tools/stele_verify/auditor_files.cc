#include "tools/stele_verify/auditor_files.h"

#include <filesystem>
#include <system_error>

#include "attest/printable.h"
#include "attest/witness/cosigned_heads.h"
#include "attest/witness/pushed.h"
#include "tools/stele_verify/files.h"
#include "tools/stele_verify/input_file.h"

namespace stele::tools {
namespace {

std::string place(const attest::Defect& defect) {
  if (defect.at.what == attest::Place::What::nothing) return "";
  return ", " + std::string(name(defect.at.what)) + " " + std::to_string(defect.at.value);
}

// A file of the auditor's that cannot be used.
CallError unusable(const std::string& what, const std::string& path, const attest::Defect& defect,
                   const std::string& remedy) {
  return CallError(kMalformed,
                   what + " " + path + place(defect) + ": " + std::string(name(defect.fault)) +
                       (defect.detail.empty() ? "" : " (" + defect.detail + ")") + "; " + remedy);
}

std::string read_key_line(const std::string& path) {
  std::string key = read_whole(path, 1u << 16);
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  return key;
}

// A log's verifier key, as `stele trust --checkpoint-key` writes it.
attest::NoteKey read_log_key(const std::string& path) {
  auto key = attest::parse_note_key(read_key_line(path));
  if (!key) {
    throw unusable("the log's key", path, key.error(),
                   "give the line that `stele trust --checkpoint-key` wrote");
  }
  return *std::move(key);
}

attest::TrustFile read_trust(const Call& call) {
  const std::string key = read_auditor_key(call);
  const auto trust = attest::parse_trust(read_whole(call.trust_path, 1u << 20), key);
  if (!trust) {
    throw unusable("the trust file", call.trust_path, trust.error(),
                   "give the file that `stele trust` wrote, as you received it");
  }
  return *trust;
}

attest::Policy read_policy(const std::string& path) {
  auto policy = attest::parse_policy(read_whole(path, attest::kMaxPolicyBytes + 1));
  if (!policy) {
    throw unusable("the policy", path, policy.error(), "correct that line (C2SP tlog-policy)");
  }
  return *std::move(policy);
}

}  // namespace

std::string read_auditor_key(const Call& call) {
  return call.auditor_key.empty() ? std::string() : read_key_line(call.auditor_key);
}

attest::Options read_options(const Call& call) {
  attest::Options options;
  if (!call.trust_path.empty()) options.trust = read_trust(call);
  // read_trust() has checked the signature.
  options.eras_approved = options.trust && !call.auditor_key.empty();
  if (!call.nonce.empty()) {
    options.nonce = attest::hash_from_hex(call.nonce);
    if (!options.nonce) throw CallError(kUsage, "--nonce takes 32 bytes as 64 hexadecimal digits");
  }
  if (!call.memory_path.empty() && std::filesystem::exists(call.memory_path)) {
    auto memory = attest::parse_memory(read_whole(call.memory_path, 1u << 16));
    if (!memory) {
      throw unusable("the memory", call.memory_path, memory.error(),
                     "restore it; without it you only lose what you remembered");
    }
    options.memory = *memory;
  }
  if (!call.policy_path.empty()) options.policy = read_policy(call.policy_path);
  if (!call.log_key_path.empty()) options.log_key = read_log_key(call.log_key_path);
  if (!call.leaf_hash.empty()) {
    options.leaf_hash = attest::hash_from_hex(call.leaf_hash);
    if (!options.leaf_hash) {
      throw CallError(kUsage, "--leaf-hash takes 32 bytes as 64 hexadecimal digits");
    }
  }
  for (const std::string& wanted : call.require) {
    attest::Finding finding{};
    if (!attest::parse_finding(wanted, finding)) {
      throw CallError(kUsage, "--require " + attest::printable(wanted) +
                                  ": there is no such finding; attest/README.md lists them");
    }
    options.require.insert(finding);
  }
  return options;
}

void require_trust(const Call& call, bool in_bundle) {
  if (!call.trust_path.empty()) return;
  if (!call.auditor_key.empty() && in_bundle) return;
  if (!call.auditor_key.empty()) {
    throw CallError(kUsage,
                    "--auditor-key without --trust is for a bundle with a trust file in it");
  }
  if (call.policy_path.empty() && call.receipts_path.empty()) return;
  throw CallError(kUsage,
                  std::string(call.policy_path.empty() ? "--receipts" : "--policy") +
                      " says something only of a log that is pinned: give --trust FILE (of a bundle "
                      "with a signed trust file in it, --auditor-key FILE will do)");
}

std::optional<std::string> read_cosignatures(const Call& call) {
  std::string path = call.cosignatures_path;
  if (path.empty() && std::filesystem::is_directory(call.path)) {
    path = call.path + "/cosignatures";
    std::error_code absent;
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, absent))) return {};
  }
  if (path.empty()) return {};
  return read_whole(path, attest::kMaxCosignedBytes + 1);
}

void each_held_receipt(
    const Call& call,
    const std::function<void(std::string_view line, std::uint64_t number)>& take) {
  InputFile file(call.receipts_path);
  std::string line;
  std::uint64_t number = 1;
  for (auto chunk = file.next(); !chunk.empty(); chunk = file.next()) {
    for (const std::uint8_t byte : chunk) {
      if (byte != '\n') {
        if (line.size() <= attest::kMaxPushedLineBytes) line.push_back(static_cast<char>(byte));
        continue;
      }
      if (!line.empty()) take(line, number);
      line.clear();
      ++number;
    }
  }
  // A copy may have been cut off within its last line.
}

void keep_memory(const Call& call, const attest::Report& report,
                 const std::optional<attest::Memory>& memory,
                 const std::function<KeptHalves(const attest::Memory&)>& halves_of) {
  if (!memory || report.conclusion != attest::Conclusion::verified || call.memory_path.empty())
    return;
  KeptHalves halves = halves_of(*memory);
  halves.keep_those_of(*memory);
  write_halves(call.memory_path, halves);
  replace_file(call.memory_path, attest::to_text(*memory));
}

}  // namespace stele::tools
