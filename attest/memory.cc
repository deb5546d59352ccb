// Memory: what a verifier remembers of a log, as text.
//
//   stele-memory 1
//   log_id HEX · seq N · quote_seq N · reset N · restart N · extend HEX · digest HEX · size N ·
//   root HEX
// One key a line, in this order, all required, LF ends.
#include <limits>

#include "attest/appraiser.h"
#include "attest/decimal.h"

namespace stele::attest {
namespace {

constexpr std::string_view kFirstLine = "stele-memory 1\n";

// Takes "key value\n" lines one after another; after the first that does not fit, all fail.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::string_view value(std::string_view key) {
    ++line_;
    const std::size_t end = rest_.find('\n');
    if (failed_ || end == rest_.npos || !rest_.starts_with(key) || end <= key.size() ||
        rest_[key.size()] != ' ') {
      failed_ = true;
      return {};
    }
    const std::string_view out = rest_.substr(key.size() + 1, end - key.size() - 1);
    rest_.remove_prefix(end + 1);
    return out;
  }
  std::uint64_t number(std::string_view key,
                       std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
    const auto parsed = parse_decimal(value(key));
    if (!parsed || *parsed > most) failed_ = true;
    return parsed.value_or(0);
  }
  Hash hash(std::string_view key) {
    const std::string_view text = value(key);
    const auto parsed = hash_from_hex(text);
    if (!parsed || to_hex(*parsed) != text) failed_ = true;  // lower case only
    return parsed.value_or(Hash{});
  }
  bool done() const { return !failed_ && rest_.empty(); }
  std::uint64_t line() const { return line_; }
  bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  std::uint64_t line_ = 1;
  bool failed_ = false;
};

}  // namespace

std::string to_text(const Memory& m) {
  const auto number = [](const char* key, std::uint64_t value) {
    return key + (' ' + std::to_string(value)) + '\n';
  };
  const auto hex = [](const char* key, const Hash& value) {
    return key + (' ' + to_hex(value)) + '\n';
  };
  return std::string(kFirstLine) + hex("log_id", m.log_id) + number("seq", m.seq) +
         number("quote_seq", m.quote_seq) + number("reset", m.run.reset) +
         number("restart", m.run.restart) + hex("extend", m.extend) + hex("digest", m.digest) +
         number("size", m.tree.size) + hex("root", m.tree.root);
}

Result<Memory> parse_memory(std::string_view text) {
  if (!text.starts_with(kFirstLine)) {
    return Defect(Fault::value_out_of_range, Place::line(1),
                  "not a memory file of a version this verifier knows");
  }
  constexpr std::uint64_t kU32 = std::numeric_limits<std::uint32_t>::max();
  Lines lines(text.substr(kFirstLine.size()));
  Memory m;
  // Each key in turn; the first that fails is the one whose line is named.
  m.log_id = lines.hash("log_id");
  if (!lines.failed()) m.seq = lines.number("seq");
  if (!lines.failed()) m.quote_seq = lines.number("quote_seq");
  if (!lines.failed()) m.run.reset = static_cast<std::uint32_t>(lines.number("reset", kU32));
  if (!lines.failed()) m.run.restart = static_cast<std::uint32_t>(lines.number("restart", kU32));
  if (!lines.failed()) m.extend = lines.hash("extend");
  if (!lines.failed()) m.digest = lines.hash("digest");
  if (!lines.failed()) m.tree.size = lines.number("size");
  if (!lines.failed()) m.tree.root = lines.hash("root");
  if (!lines.done())
    return Defect(Fault::value_out_of_range, Place::line(lines.line()), "memory file");
  return m;
}

}  // namespace stele::attest
