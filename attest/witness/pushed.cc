#include "attest/witness/pushed.h"

#include <array>

#include "attest/base64.h"

namespace stele::attest {
namespace {

constexpr std::string_view kBegin = "stele-push 1 ";
constexpr std::string_view kAnchor = "anchor ";
constexpr std::string_view kCheckpoint = "checkpoint ";
constexpr std::size_t kLogIdDigits = 64;

Defect malformed_push(const char* why) {
  return Defect(Fault::value_out_of_range, {}, why);
}

// "LOG_ID " off the front.
std::optional<Hash> take_log_id(std::string_view& rest) {
  if (rest.size() <= kLogIdDigits || rest[kLogIdDigits] != ' ') return std::nullopt;
  const std::string_view digits = rest.substr(0, kLogIdDigits);
  const auto log_id = hash_from_hex(digits);
  if (!log_id || to_hex(*log_id) != digits) return std::nullopt;
  rest.remove_prefix(kLogIdDigits + 1);
  return log_id;
}

Result<Pushed> parse_anchor(const Hash& log_id, std::string_view rest) {
  const std::size_t space = rest.find(' ');
  if (space == rest.npos) return malformed_push("a statement, and no receipt");
  const auto first = from_base64(rest.substr(0, space));
  const auto second = from_base64(rest.substr(space + 1));
  if (!first || !second) return malformed_push("statement or receipt is not base64");
  auto statement = decode_statement(*first);
  if (!statement) return statement.error();
  auto receipt = decode_receipt(*second);
  if (!receipt) return receipt.error();
  if (statement->log_id != log_id) return malformed_push("the statement is of another log");
  return Pushed(PushedAnchor{*std::move(statement), *std::move(receipt)});
}

}  // namespace

std::string to_line(const PushedAnchor& anchor) {
  return std::string(kBegin) + std::string(kAnchor) + to_hex(anchor.statement.log_id) + " " +
         to_base64(encode(anchor.statement)) + " " + to_base64(encode(anchor.receipt)) + "\n";
}

std::string to_line(const PushedCheckpoint& checkpoint) {
  return std::string(kBegin) + std::string(kCheckpoint) + to_hex(checkpoint.log_id) + " " +
         to_base64(view(to_text(checkpoint.note))) + "\n";
}

Result<Pushed> parse_pushed(std::string_view line) {
  if (line.size() > kMaxPushedLineBytes) return malformed_push("the line is too long");
  if (!line.starts_with(kBegin)) return Defect(Fault::bad_magic, {}, "no line of stele-push 1");
  line.remove_prefix(kBegin.size());
  const bool is_anchor = line.starts_with(kAnchor);
  if (!is_anchor && !line.starts_with(kCheckpoint))
    return malformed_push("neither of the two kinds");
  line.remove_prefix(is_anchor ? kAnchor.size() : kCheckpoint.size());
  const auto log_id = take_log_id(line);
  if (!log_id) return malformed_push("no log id");
  if (is_anchor) return parse_anchor(*log_id, line);
  const auto bytes = from_base64(line);
  if (!bytes) return malformed_push("the checkpoint is not base64");
  auto note = parse_note({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  if (!note) return note.error();
  if (auto checkpoint = parse_checkpoint(note->text); !checkpoint) return checkpoint.error();
  return Pushed(PushedCheckpoint{*log_id, *std::move(note)});
}

}  // namespace stele::attest
