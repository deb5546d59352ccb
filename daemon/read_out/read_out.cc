#include "daemon/read_out/read_out.h"

#include <algorithm>
#include <span>
#include <utility>

namespace stele::daemon {
namespace {

using Word = std::pair<std::string_view, std::string_view>;

constexpr std::array<std::string_view, 8> kSeverities{"emerg",   "alert",  "crit", "err",
                                                      "warning", "notice", "info", "debug"};

constexpr Word kOutcomes[] = {
    {"success", "success"}, {"succeeded", "success"},  {"successful", "success"},
    {"yes", "success"},     {"true", "success"},       {"ok", "success"},
    {"allow", "success"},   {"allowed", "success"},    {"accepted", "success"},
    {"failure", "failure"}, {"failed", "failure"},     {"fail", "failure"},
    {"no", "failure"},      {"false", "failure"},      {"error", "failure"},
    {"deny", "denied"},     {"denied", "denied"},      {"forbidden", "denied"},
    {"forbid", "denied"},   {"blocked", "denied"},     {"block", "denied"},
    {"rejected", "denied"}, {"unauthorized", "denied"}};

constexpr Word kSeverityWords[] = {
    {"emergency", "emerg"},  {"panic", "emerg"},        {"fatal", "emerg"},
    {"critical", "crit"},    {"error", "err"},          {"high", "err"},
    {"warn", "warning"},     {"medium", "warning"},     {"low", "notice"},
    {"information", "info"}, {"informational", "info"}, {"trace", "debug"}};

std::string lower(std::string_view text) {
  std::string out(text.substr(0, kMaxValueBytes));
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string in_words(std::string_view text, std::span<const Word> words) {
  std::string found = lower(text);
  for (const auto& [from, to] : words) {
    if (found == from) return std::string(to);
  }
  return found;
}

}  // namespace

void ReadOut::set(Field field, std::string_view value) {
  if (value.size() > kMaxValueBytes) {
    std::size_t end = kMaxValueBytes;
    while (end > kMaxValueBytes - 4 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80)
      --end;
    value = value.substr(0, end);
  }
  values[static_cast<std::size_t>(field)].assign(value);
}

void ReadOut::clear() {
  format.clear();
  for (std::string& value : values) value.clear();
  time_ns.reset();
  time_inferred = false;
}

std::string outcome_word(std::string_view text) {
  return in_words(text, kOutcomes);
}

std::string severity_word(std::string_view text) {
  return in_words(text, kSeverityWords);
}

std::string_view severity_name(unsigned number) {
  return kSeverities[number & 7];
}

}  // namespace stele::daemon
