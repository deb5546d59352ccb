#include "attest/witness/add_checkpoint.h"

#include <algorithm>

#include "attest/base64.h"
#include "attest/decimal.h"

namespace stele::attest {
namespace {

constexpr std::string_view kOld = "old ";

Defect malformed_request(std::string why, std::uint64_t line) {
  return Defect(Fault::value_out_of_range, Place::line(line), std::move(why));
}

}  // namespace

Result<AddCheckpoint> parse_add_checkpoint(std::string_view body) {
  if (body.size() > kMaxAddCheckpointBytes) return malformed_request("the request is too long", 1);
  AddCheckpoint request;
  for (std::uint64_t number = 1;; ++number) {
    const std::size_t end = body.find('\n');
    if (end == body.npos) {
      return Defect(Fault::truncated, Place::line(number), "no empty line before the checkpoint");
    }
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(end + 1);
    if (number == 1) {
      const auto size =
          line.starts_with(kOld) ? parse_decimal(line.substr(kOld.size())) : std::nullopt;
      if (!size) return malformed_request("the first line must be \"old SIZE\"", number);
      request.old_size = *size;
      continue;
    }
    if (line.empty()) break;
    const auto hash = from_base64(line);
    if (!hash || hash->size() != 32) return malformed_request("a proof's line is no hash", number);
    if (request.proof.size() == kMaxConsistencyLines) {
      return malformed_request("more than 63 hashes of a proof", number);
    }
    std::copy(hash->begin(), hash->end(), request.proof.emplace_back().bytes.begin());
  }
  auto note = parse_note(body);
  if (!note) return note.error();
  auto checkpoint = parse_checkpoint(note->text);
  if (!checkpoint) return checkpoint.error();
  request.note = *std::move(note);
  request.checkpoint = *std::move(checkpoint);
  return request;
}

std::string to_text(const AddCheckpoint& request) {
  std::string text = std::string(kOld) + std::to_string(request.old_size) + "\n";
  for (const Hash& hash : request.proof) text += to_base64(hash) + "\n";
  return text + "\n" + to_text(request.note);
}

Result<std::uint64_t> parse_size_line(std::string_view body) {
  if (!body.ends_with('\n')) return Defect(Fault::truncated, {}, "a size, and LF behind it");
  body.remove_suffix(1);
  const auto size = parse_decimal(body);
  if (!size) return malformed_request("no size", 1);
  return *size;
}

WitnessAnswer judge_add_checkpoint(const AddCheckpoint& request, const NoteKey& log_key,
                                   const TreeHead& newest) {
  const TreeHead& tree = request.checkpoint.tree;
  if (!verify_note(request.note, log_key)) {
    return {403, "no signature verifies under the key of this origin"};
  }
  if (request.old_size > tree.size) return {400, "old is larger than the checkpoint's size"};
  if (request.old_size != newest.size) return {409, std::to_string(newest.size) + "\n"};
  if (tree.size == newest.size) {
    if (tree.root != newest.root) {
      return {409, "another root at the size that was cosigned", true};
    }
    if (!request.proof.empty()) return {422, "from a size to itself a proof is empty"};
    return {};
  }
  if (newest.size == 0) {
    if (!request.proof.empty()) return {422, "from size 0 a proof is empty"};
    return {};
  }
  if (!verify_consistency(newest, tree, request.proof)) {
    return {422, "the proof does not lead from the cosigned root to the checkpoint's"};
  }
  return {};
}

}  // namespace stele::attest
