// stele-verify: the auditor's tool. It judges what a host shows, with what the auditor pinned.
//
// PATH is evidence, from the host under judgement: whatever its bytes, there is a report. The trust
// file, nonce, memory, policy and receipts are the auditor's own: if they are wrong, that is an error
// of the call.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "attest/appraiser.h"
#include "attest/evidence/appraise.h"
#include "attest/printable.h"
#include "attest/tlog_proof.h"
#include "storage/file_system.h"
#include "storage/store_reader.h"
#include "tools/stele_verify/auditor_files.h"
#include "tools/stele_verify/call.h"
#include "tools/stele_verify/files.h"
#include "tools/stele_verify/input_file.h"
#include "tools/stele_verify/progress_bar.h"

namespace {

using namespace stele;
using namespace stele::tools;

constexpr std::string_view kProofMagic = "STELEPRF";

// What one group's records took, the next needs again: given back in between, each page is touched anew, which takes
// half of the time where that is slow. What is in use at once stays as it is; what is kept besides: tools/README.md.
void keep_freed_memory() {
  constexpr int kLargest =
      32 << 20;  // that glibc takes on 64 bits; where it does not, all stays as it was
  if (::mallopt(M_MMAP_THRESHOLD, kLargest) == 1) ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

attest::Report appraise_bundle(const Call& call, attest::Options options, InputFile& input) {
  require_trust(call, true);
  attest::EvidenceAppraiser appraiser({std::move(options), read_auditor_key(call)});
  if (!call.answer_path.empty()) {
    appraiser.answer(attest::view(read_whole(call.answer_path, 1u << 20)));
  }
  if (auto cosignatures = read_cosignatures(call)) {
    appraiser.cosignatures(*std::move(cosignatures));
  }
  if (!call.receipts_path.empty()) {
    appraiser.held_receipts([&call](const auto& take) { each_held_receipt(call, take); });
  }
  HalfCollector shown({});
  const bool remembers = !call.memory_path.empty();
  {
    ProgressBar bar;
    storage::Progress progress;
    progress.total_bytes = input.size();
    for (auto bytes = input.next(); !bytes.empty(); bytes = input.next()) {
      appraiser.feed(bytes);
      if (remembers) shown.feed(bytes);
      progress.bytes += bytes.size();
      progress.records = appraiser.records();
      bar.show(progress);
    }
  }
  const attest::Report report = appraiser.report();
  keep_memory(call, report, appraiser.memory(), [&shown](const attest::Memory&) {
    return KeptHalves{shown.newest(), shown.newest_counter()};
  });
  return report;
}

attest::Report appraise_proof(const Call& call, const attest::Options& options, InputFile& input) {
  const std::string bytes = input.rest();
  const bool is_tlog_proof = bytes.starts_with(attest::kTlogProofFirstLine);
  if (!is_tlog_proof && !bytes.starts_with(kProofMagic)) {
    throw CallError(kMalformed, call.path +
                                    " is no evidence of Stele's: neither a data directory, a bundle "
                                    "nor a proof");
  }
  require_trust(call, false);
  if (!call.memory_path.empty() || !call.answer_path.empty() || !call.receipts_path.empty()) {
    throw CallError(kUsage,
                    "a proof is of one record: --memory, --answer and --receipts are for a data "
                    "directory or a bundle");
  }
  const std::string cosignatures = read_cosignatures(call).value_or("");
  if (is_tlog_proof) return attest::Appraiser::appraise_tlog_proof(bytes, options, cosignatures);
  if (!call.log_key_path.empty()) {
    throw CallError(kUsage,
                    "--log-key is for a tlog-proof (stele prove --format tlog-proof): this proof "
                    "holds no checkpoint");
  }
  return attest::Appraiser::appraise_proof(attest::view(bytes), options, cosignatures);
}

attest::Report appraise_store(const Call& call, attest::Options options) {
  require_trust(call, false);
  storage::FileSystem& files = storage::posix();
  if (!storage::looks_like_store(files, call.path)) {
    throw CallError(kMalformed,
                    call.path +
                        " is no data directory of Stele's: there is no file of ours in its "
                        "journal/ or segments/");
  }
  const std::optional<attest::TrustFile> trust = options.trust;
  attest::Appraiser appraiser(std::move(options));
  // Before the segments: what was cosigned then is in them, whatever a live writer adds.
  if (!call.policy_path.empty()) appraiser.cosignatures(read_cosignatures(call).value_or(""));
  if (!call.receipts_path.empty()) {
    each_held_receipt(call, [&](std::string_view line, std::uint64_t number) {
      appraiser.held_receipt(line, number);
    });
  }
  // Before the entries: so that a log that has grown since the answer is no contradiction.
  if (!call.answer_path.empty()) {
    appraiser.answer(attest::view(read_whole(call.answer_path, 1u << 20)));
  }
  {
    ProgressBar bar;
    storage::present(files, call.path, appraiser, call.jobs,
                     [&bar](const storage::Progress& progress) { bar.show(progress); });
  }
  const attest::Report report = appraiser.report();
  keep_memory(call, report, appraiser.memory(), [&](const attest::Memory& memory) {
    try {
      if (trust) return halves_in(files, call.path, memory, *trust);
    } catch (const std::exception&) {  // what could be read before cannot now: nothing to keep
    }
    return KeptHalves{};
  });
  return report;
}

void forbid_for_many(const Call& call) {
  if (call.log_key_path.empty() && call.leaf_hash.empty()) return;
  throw CallError(kUsage, "--leaf-hash is for a single proof, --log-key for a tlog-proof");
}

attest::Report appraise_any(const Call& call) {
  const bool is_stdin = call.path == "-";
  if (is_stdin && call.receipts_path == "-") {
    throw CallError(kUsage, "PATH and --receipts cannot both be standard input: name a file");
  }
  if (!is_stdin && !std::filesystem::exists(call.path)) {
    throw CallError(kNoInput,
                    call.path + " does not exist; give a data directory, a bundle or a proof");
  }
  attest::Options options = read_options(call);
  if (!is_stdin && std::filesystem::is_directory(call.path)) {
    forbid_for_many(call);
    return appraise_store(call, std::move(options));
  }
  InputFile input(call.path);
  if (input.begins_with(attest::kEvidenceMagic)) {
    forbid_for_many(call);
    return appraise_bundle(call, std::move(options), input);
  }
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
  keep_freed_memory();
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
