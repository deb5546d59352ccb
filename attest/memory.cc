#include "attest/memory.h"

#include <algorithm>
#include <limits>

#include "attest/decimal.h"

namespace stele::attest {
namespace {

constexpr std::string_view kMemoryFirstLine = "stele-memory 2\n";

// Takes "key value\n" lines one after another; after the first that does not fit, all fail.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  void operator()(std::string_view key, std::uint64_t& out) { out = number(value(key)); }
  void operator()(std::string_view key, std::uint32_t& out) { out = small<std::uint32_t>(key); }
  void operator()(std::string_view key, std::uint8_t& out) { out = small<std::uint8_t>(key); }
  void operator()(std::string_view key, std::int64_t& out) {
    std::string_view text = value(key);
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const std::uint64_t size = number(text);
    failed_ = failed_ || size > kMost + (negative ? 1 : 0) || (negative && size == 0);
    out = static_cast<std::int64_t>(negative ? ~size + 1 : size);
  }
  template <std::size_t N>
  void operator()(std::string_view key, std::array<std::uint8_t, N>& out) {
    const std::string_view text = value(key);
    const auto parsed = from_hex(text);
    if (!parsed || parsed->size() != N || to_hex(*parsed) != text) {
      failed_ = true;  // lower case only
      return;
    }
    std::copy(parsed->begin(), parsed->end(), out.begin());
  }
  void operator()(std::string_view key, Hash& out) { (*this)(key, out.bytes); }
  bool done() const { return !failed_ && rest_.empty(); }
  std::uint64_t line() const { return line_; }

 private:
  std::string_view value(std::string_view key) {
    if (failed_) return {};
    ++line_;
    const std::size_t end = rest_.find('\n');
    if (end == rest_.npos || !rest_.starts_with(key) || end <= key.size() ||
        rest_[key.size()] != ' ') {
      failed_ = true;
      return {};
    }
    const std::string_view out = rest_.substr(key.size() + 1, end - key.size() - 1);
    rest_.remove_prefix(end + 1);
    return out;
  }
  std::uint64_t number(std::string_view text) {
    const auto parsed = parse_decimal(text);
    failed_ = failed_ || !parsed;
    return parsed.value_or(0);
  }
  template <class T>
  T small(std::string_view key) {
    const std::uint64_t parsed = number(value(key));
    failed_ = failed_ || parsed > std::numeric_limits<T>::max();
    return static_cast<T>(parsed);
  }

  std::string_view rest_;
  std::uint64_t line_ = 1;
  bool failed_ = false;
};

class LineWriter {
 public:
  template <class T>
  void operator()(std::string_view key, const T& value) {
    line(key, std::to_string(value));
  }
  template <std::size_t N>
  void operator()(std::string_view key, const std::array<std::uint8_t, N>& value) {
    line(key, to_hex(value));
  }
  void operator()(std::string_view key, const Hash& value) { line(key, to_hex(value)); }
  std::string done() && { return std::move(out_); }

 private:
  void line(std::string_view key, const std::string& value) {
    out_.append(key).append(1, ' ').append(value).append(1, '\n');
  }
  std::string out_{kMemoryFirstLine};
};

// Every line, in order; the one place that knows them.
template <class Memory, class Line>
void each_line(Memory& m, Line& line) {
  line("log_id", m.log_id);
  line("seq", m.seq);
  line("quote_seq", m.quote_seq);
  line("reset", m.run.reset);
  line("restart", m.run.restart);
  line("extend", m.extend);
  line("digest", m.digest);
  line("size", m.tree.size);
  line("root", m.tree.root);
  line("counter_size", m.counter_size);
  line("chain_head", m.chain_head);
  line("prev_receipt", m.prev_receipt);
  line("receipt_reset", m.receipt_run.reset);
  line("receipt_restart", m.receipt_run.restart);
  line("fold", m.fold);
  line("run_quotes", m.run_quotes);
  line("bundle", m.bundle.hash);
  line("boot_id", m.bundle.boot_id);
  line("bundle_reset", m.bundle.run.reset);
  line("bundle_restart", m.bundle.run.restart);
  line("clock_reset", m.clock_run.reset);
  line("clock_restart", m.clock_run.restart);
  line("clock_ms", m.clock_ms);
  line("wallclock_ns", m.wallclock_ns);
  line("state", m.state);
}

}  // namespace

std::string to_text(const Memory& memory) {
  LineWriter writer;
  each_line(memory, writer);
  return std::move(writer).done();
}

Result<Memory> parse_memory(std::string_view text) {
  if (!text.starts_with(kMemoryFirstLine)) {
    return Defect(Fault::value_out_of_range, Place::line(1),
                  "not a memory file of a version this verifier knows");
  }
  LineReader reader(text.substr(kMemoryFirstLine.size()));
  Memory memory;
  each_line(memory, reader);
  const bool sane = (memory.state & ~Memory::kKnownState) == 0 &&
                    memory.counter_size <= memory.tree.size &&
                    memory.quote_seq <= memory.run_quotes;
  if (!reader.done() || !sane)
    return Defect(Fault::value_out_of_range, Place::line(reader.line()), "memory file");
  return memory;
}

}  // namespace stele::attest
