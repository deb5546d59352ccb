// stele-verify: the auditor's tool. It judges what a host shows, with what the auditor pinned.
//
// PATH is evidence, from the host under judgement: whatever its bytes, there is a report. The trust
// file, nonce and memory are the auditor's own: if they are wrong, that is an error of the call.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <thread>

#include "attest/appraiser.h"
#include "attest/evidence/appraise.h"
#include "attest/printable.h"
#include "attest/tlog_proof.h"
#include "attest/witness/cosigned_heads.h"
#include "storage/file_system.h"
#include "storage/store_reader.h"
#include "tools/stele_verify/files.h"
#include "tools/stele_verify/input_file.h"
#include "tools/stele_verify/progress_bar.h"

namespace {

using namespace stele;

enum Exit : int {
  kUsage = 64,
  kMalformed = 65,
  kNoInput = 66,
  kSoftware = 70,
  kIoError = 74,
  kPermission = 77
};

constexpr std::string_view kProofMagic = "STELEPRF";

// The call cannot be carried out; the message says what, where, and what to do.
struct CallError : std::runtime_error {
  CallError(int code_, const std::string& message) : std::runtime_error(message), code(code_) {}
  int code;
};

struct Call {
  std::string path;
  std::string trust_path;
  std::string auditor_key;
  std::string nonce;
  std::string answer_path;
  std::string memory_path;
  std::string policy_path;
  std::string cosignatures_path;
  std::string receipts_path;
  std::string log_key_path;
  std::string leaf_hash;
  std::vector<std::string> require;
  std::string output = "text";
  unsigned jobs = std::clamp(std::thread::hardware_concurrency(), 1u, 64u);
};

void describe(CLI::App& app, Call& call) {
  app.set_version_flag("--version", std::string("stele-verify ") + STELE_VERSION);
  app.add_option("PATH", call.path,
                 "A data directory, an evidence bundle (stele bundle; -: standard input), or a "
                 "single proof (stele prove), also as C2SP tlog-proof")
      ->required();
  app.add_option("--trust", call.trust_path,
                 "The trust file that pins the log; without it nothing is better than undetermined")
      ->type_name("FILE");
  auto* key = app.add_option(
      "--auditor-key", call.auditor_key,
      "File with the verifier key (name+hash+base64) that must have signed the trust file; "
      "needed to approve an era later than the first. Without --trust: the trust file in the bundle "
      "counts if this key signed it");
  key->type_name("FILE");
  auto* nonce =
      app.add_option("--nonce", call.nonce, "The 32 random bytes that the host was asked with");
  nonce->type_name("HEX");
  app.add_option("--answer", call.answer_path, "The host's live answer to the nonce (stele answer)")
      ->type_name("FILE")
      ->needs(nonce);
  app.add_option(
         "--memory", call.memory_path,
         "What you remember of this log: read if it exists, written when the log is verified")
      ->type_name("FILE");
  auto* policy = app.add_option(
      "--policy", call.policy_path,
      "C2SP tlog-policy: the witnesses you believe, and how many must have seen the log");
  policy->type_name("FILE")->needs("--trust");
  app.add_option("--cosignatures", call.cosignatures_path,
                 "What witnesses signed (default: the data directory's file `cosignatures`)")
      ->type_name("FILE")
      ->needs(policy);
  app.add_option("--receipts", call.receipts_path,
                 "Receipts that the host handed out at once ([[push]]), as you kept them")
      ->type_name("FILE")
      ->needs("--trust");
  app.add_option("--log-key", call.log_key_path,
                 "Of a tlog-proof: file with the key that must have signed its checkpoint (stele "
                 "trust --checkpoint-key); default: the policy's of this log")
      ->type_name("FILE");
  app.add_option("--leaf-hash", call.leaf_hash,
                 "Of a proof: the leaf hash of the record that it must be of (stele show)")
      ->type_name("HEX");
  app.add_option("--require", call.require, "Findings that make the conclusion undetermined")
      ->type_name("NAME");
  app.add_option("-o,--output", call.output, "How to report")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--jobs", call.jobs, "Threads that check records")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
  app.footer(
      "Exit codes: 0 verified, 1 evidence of tampering, 2 cannot tell; 64 usage, 65 malformed "
      "input,\n"
      "66 no input, 74 input or output error, 77 no permission.");
}

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
  std::string key = tools::read_whole(path, 1u << 16);
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  return key;
}

std::string read_auditor_key(const Call& call) {
  return call.auditor_key.empty() ? std::string() : read_key_line(call.auditor_key);
}

attest::TrustFile read_trust(const Call& call) {
  const std::string key = read_auditor_key(call);
  const auto trust = attest::parse_trust(tools::read_whole(call.trust_path, 1u << 20), key);
  if (!trust) {
    throw unusable("the trust file", call.trust_path, trust.error(),
                   "give the file that `stele trust` wrote, as you received it");
  }
  return *trust;
}

attest::Policy read_policy(const std::string& path) {
  auto policy = attest::parse_policy(tools::read_whole(path, attest::kMaxPolicyBytes + 1));
  if (!policy) {
    throw unusable("the policy", path, policy.error(), "correct that line (C2SP tlog-policy)");
  }
  return *std::move(policy);
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
    auto memory = attest::parse_memory(tools::read_whole(call.memory_path, 1u << 16));
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

// None where no file is named and the directory holds none.
std::string read_cosignatures(const Call& call) {
  std::string path = call.cosignatures_path;
  if (path.empty() && std::filesystem::is_directory(call.path)) {
    path = call.path + "/cosignatures";
    std::error_code absent;
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, absent))) return {};
  }
  return path.empty() ? path : tools::read_whole(path, attest::kMaxCosignedBytes + 1);
}

// Line by line: the file grows for years.
void give_receipts(const std::string& path, attest::Appraiser& appraiser) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  std::string line;
  for (std::uint64_t number = 1; std::getline(file, line); ++number) {
    // A copy may have been cut off within its last line.
    if (!line.empty() && !file.eof()) appraiser.held_receipt(line, number);
  }
  if (file.bad()) throw std::system_error(EIO, std::generic_category(), path);
}

void keep_memory(const Call& call, const attest::Report& report,
                 const std::optional<attest::Memory>& memory) {
  if (memory && report.conclusion == attest::Conclusion::verified && !call.memory_path.empty()) {
    tools::replace_file(call.memory_path, attest::to_text(*memory));
  }
}

attest::Report appraise_bundle(const Call& call, const attest::Options& options,
                               tools::InputFile& input) {
  // A bundle need not hold the anchors and heads that these are of.
  if (!call.policy_path.empty() || !call.receipts_path.empty() || !call.cosignatures_path.empty()) {
    throw CallError(kUsage,
                    "--policy, --cosignatures and --receipts are for a data directory, the first two also for a proof");
  }
  attest::EvidenceOptions with_key{options, read_auditor_key(call)};
  attest::EvidenceAppraiser appraiser(std::move(with_key));
  if (!call.answer_path.empty()) {
    appraiser.answer(attest::view(tools::read_whole(call.answer_path, 1u << 20)));
  }
  {
    tools::ProgressBar bar;
    storage::Progress progress;
    progress.total_bytes = input.size();
    for (auto bytes = input.next(); !bytes.empty(); bytes = input.next()) {
      appraiser.feed(bytes);
      progress.bytes += bytes.size();
      progress.records = appraiser.records();
      bar.show(progress);
    }
  }
  const attest::Report report = appraiser.report();
  keep_memory(call, report, appraiser.memory());
  return report;
}

attest::Report appraise_proof(const Call& call, const attest::Options& options,
                              tools::InputFile& input) {
  const std::string bytes = input.rest();
  const bool is_tlog_proof = bytes.starts_with(attest::kTlogProofFirstLine);
  if (!is_tlog_proof && !bytes.starts_with(kProofMagic)) {
    throw CallError(kMalformed,
                    call.path + " is no evidence of Stele's: neither a data directory, a bundle nor a proof");
  }
  if (!call.memory_path.empty() || !call.answer_path.empty() || !call.receipts_path.empty()) {
    throw CallError(kUsage,
                    "a proof is of one record: --memory and --answer are for a data directory "
                    "or a bundle, --receipts for a data directory");
  }
  const std::string cosignatures = read_cosignatures(call);
  if (is_tlog_proof) return attest::Appraiser::appraise_tlog_proof(bytes, options, cosignatures);
  if (!call.log_key_path.empty()) {
    throw CallError(kUsage,
                    "--log-key is for a tlog-proof (stele prove --format tlog-proof): this proof "
                    "holds no checkpoint");
  }
  return attest::Appraiser::appraise_proof(attest::view(bytes), options, cosignatures);
}

attest::Report appraise_store(const Call& call, attest::Options options) {
  storage::FileSystem& files = storage::posix();
  if (!storage::looks_like_store(files, call.path)) {
    throw CallError(kMalformed,
                    call.path +
                        " is no data directory of Stele's: there is no file of ours in its "
                        "journal/ or segments/");
  }
  attest::Appraiser appraiser(std::move(options));
  // Before the segments: what was cosigned then is in them, whatever a live writer adds.
  if (!call.policy_path.empty()) appraiser.cosignatures(read_cosignatures(call));
  if (!call.receipts_path.empty()) give_receipts(call.receipts_path, appraiser);
  // Before the entries: so that a log that has grown since the answer is no contradiction.
  if (!call.answer_path.empty()) {
    appraiser.answer(attest::view(tools::read_whole(call.answer_path, 1u << 20)));
  }
  {
    tools::ProgressBar bar;
    storage::present(files, call.path, appraiser, call.jobs,
                     [&bar](const storage::Progress& progress) { bar.show(progress); });
  }
  const attest::Report report = appraiser.report();
  keep_memory(call, report, appraiser.memory());
  return report;
}

void forbid_for_many(const Call& call) {
  if (call.log_key_path.empty() && call.leaf_hash.empty()) return;
  throw CallError(kUsage, "--leaf-hash is for a single proof, --log-key for a tlog-proof");
}

void require_trust_beside_key(const Call& call) {
  if (call.auditor_key.empty() || !call.trust_path.empty()) return;
  throw CallError(kUsage,
                  "--auditor-key without --trust is for a bundle with a trust file in it");
}

attest::Report appraise_any(const Call& call) {
  const bool is_stdin = call.path == "-";
  if (!is_stdin && !std::filesystem::exists(call.path)) {
    throw CallError(kNoInput,
                    call.path + " does not exist; give a data directory, a bundle or a proof");
  }
  attest::Options options = read_options(call);
  const bool is_directory = !is_stdin && std::filesystem::is_directory(call.path);
  if (is_directory) {
    forbid_for_many(call);
    require_trust_beside_key(call);
    return appraise_store(call, std::move(options));
  }
  tools::InputFile input(call.path);
  if (input.begins_with(attest::kEvidenceMagic)) {
    forbid_for_many(call);
    return appraise_bundle(call, options, input);
  }
  require_trust_beside_key(call);
  return appraise_proof(call, options, input);
}

int judge(const Call& call) {
  const attest::Report report = appraise_any(call);
  std::cout << (call.output == "json" ? attest::to_json(report) : attest::to_text(report));
  if (call.output == "json") std::cout << '\n';
  std::cout.flush();
  if (!std::cout) throw CallError(kIoError, "cannot write to standard output");
  return attest::exit_code(report.conclusion);
}

int code_of(const std::error_code& error) {
  if (error == std::errc::permission_denied || error == std::errc::operation_not_permitted)
    return kPermission;
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory)
    return kNoInput;
  if (error == std::errc::file_too_large) return kMalformed;
  return kIoError;
}

int fail(int code, const std::string& message) {
  std::cerr << "stele-verify: " << attest::printable(message) << std::endl;
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  Call call;
  CLI::App app{"Judges a Stele log, an evidence bundle or a single proof, offline.", "stele-verify"};
  describe(app, call);
  try {
    app.parse(argc, argv);
    return judge(call);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(kUsage);
  } catch (const CallError& error) {
    return fail(error.code, error.what());
  } catch (const std::system_error& error) {
    return fail(code_of(error.code()), error.what());
  } catch (const std::exception& error) {
    return fail(kSoftware, error.what());
  }
}
