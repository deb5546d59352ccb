#include "tools/stele/challenge_proof.h"

#include <array>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "attest/answer.h"
#include "attest/export.h"
#include "tools/stele/command.h"
#include "tools/stele_verify/files.h"

namespace stele::tools {
namespace {

constexpr int kMostFolders = 1000;  // of one second

std::string_view view_text(attest::ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc)};
}

std::string make_folder(const std::string& folder, const Visit& visit) {
  const std::string what = visit.contradiction != Contradiction::none
                               ? std::string(name(visit.contradiction))
                               : std::string(attest::name(visit.report.conclusion));
  const std::string path = folder + "/" + now() + "-" + what;
  for (int number = 1; number <= kMostFolders; ++number) {
    const std::string one = number == 1 ? path : path + "-" + std::to_string(number);
    std::error_code error;
    if (std::filesystem::create_directory(one, error)) return one;
    if (error) throw CommandError(kCannotCreate, "cannot create " + one + ": " + error.message());
  }
  throw CommandError(kCannotCreate, "cannot create " + path);
}

void keep_half(const std::string& folder, const SignedHalf& half, const AuditorDesk& desk) {
  std::filesystem::create_directory(folder);
  const auto identity = identity_for(desk.trust(), half.statement.log_id);
  if (!identity) return replace_file(folder + "/statement", view_text(half.statement_bytes));
  for (const attest::ExportedFile& file :
       attest::export_receipt(half.receipt, *identity, half.statement_bytes)) {
    replace_file(folder + "/" + file.name, view_text(file.bytes));
  }
}

// The two parts of an answer are those of a receipt; its extraData is the nonce's.
void keep_answer(const std::string& folder, const attest::Bytes& bytes, const AuditorDesk& desk) {
  const auto answer = attest::decode_answer(bytes);
  if (!answer) return;
  std::filesystem::create_directory(folder);
  replace_file(folder + "/answer", view_text(bytes));
  const auto identity = identity_for(desk.trust(), answer->log_id);
  if (!identity) return;
  attest::Receipt signed_parts;
  signed_parts.audit = answer->audit;
  signed_parts.quote = answer->quote;
  for (const attest::ExportedFile& file : attest::export_receipt(
           signed_parts, *identity, attest::ByteView(answer_extra_data(*answer).bytes))) {
    if (file.name != "statement") replace_file(folder + "/" + file.name, view_text(file.bytes));
  }
}

std::string words_of(const Visit& visit) {
  switch (visit.contradiction) {
    case Contradiction::rollback:
      return "A rollback: what the host shows ends before what the TPM has signed already.\n";
    case Contradiction::fork:
      return "A fork: what the host shows does not contain the statement that was seen before.\n";
    case Contradiction::equivocation:
      return "Equivocation: the TPM signed two different statements of one number: it was copied or "
             "put\nback, one identity lives on two hosts, or who commands the host had it sign a "
             "second one.\n";
    case Contradiction::none:
      break;
  }
  return "A visit that found: " + std::string(attest::name(visit.report.conclusion)) + ".\n";
}

std::string readme(const Visit& visit, const std::string& nonce, const AuditorDesk& desk) {
  return words_of(visit) +
         "\nThe verdict once more, from these files alone:\n\n"
         "  stele-verify evidence --trust trust --nonce " +
         nonce + (desk.memory() ? " --memory memory" : "") +
         (desk.policy() ? " --policy policy" : "") +
         "\n\n"
         "What the TPM signed, without this software, in remembered/ (seen at an earlier visit),\n"
         "presented/ (the newest that the host shows) and answer/ (for the nonce), where they "
         "are:\n\n"
         "  openssl dgst -sha256 -verify ak.pem -signature audit.sig.der audit.attest\n"
         "  openssl dgst -sha256 -verify ak.pem -signature sig.der attest\n\n"
         "Their extraData in remembered/ and presented/ is d = H(\"stele/v1/anchor\\0\" || "
         "statement), of a\nread-back's audit.attest H(\"stele/v1/readback\\0\" || d); in "
         "answer/ it is the answer's:\nattest/README.md, \"Attestations\", which says what the "
         "statement's bytes mean, too. trust has\nthe key once more.\n";
}

}  // namespace

std::string keep_proof(const std::string& folder, const AuditorDesk& desk, const Visit& visit,
                       const ProofParts& parts) {
  const std::string path = make_folder(folder, visit);
  const std::string nonce = attest::to_hex(parts.nonce);
  std::filesystem::rename(parts.evidence, path + "/evidence");
  replace_file(path + "/nonce", nonce + "\n");
  replace_file(path + "/trust", desk.trust_text());
  if (desk.policy()) replace_file(path + "/policy", desk.policy_text());
  if (desk.memory()) replace_file(path + "/memory", attest::to_text(*desk.memory()));
  const bool rival = visit.contradiction == Contradiction::equivocation;
  const auto& remembered = rival ? parts.shown->contradicted() : desk.half();
  if (remembered) keep_half(path + "/remembered", *remembered, desk);
  const auto& presented = rival ? parts.shown->rival() : parts.shown->newest();
  if (presented) keep_half(path + "/presented", *presented, desk);
  keep_answer(path + "/answer", parts.shown->answer(), desk);
  replace_file(path + "/report.json", attest::to_json(visit.report) + "\n");
  replace_file(path + "/report.txt", attest::to_text(visit.report));
  replace_file(path + "/README.txt", readme(visit, nonce, desk));
  return path;
}

}  // namespace stele::tools
