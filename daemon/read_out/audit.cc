#include "daemon/read_out/audit.h"

#include <algorithm>

#include "daemon/read_out/words.h"

namespace stele::daemon {
namespace {

constexpr char kEnriched = '\x1d';  // what stands behind it was added by auditd

bool is_name_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

// What PAM's older messages put around their pairs: "(hostname=?, addr=?, res=success)".
std::string_view bare(std::string_view value) {
  if (value.starts_with('"') || value.starts_with('(')) return value;
  return value.substr(0, value.find_last_not_of(",)") + 1);
}

// Takes NAME=VALUE pairs; words that are none are skipped. A value in quotes ends with the quote,
// or with the text; what is inside msg='…' are pairs too.
void take_pairs(std::string_view text, std::vector<AuditRecord::Pair>& pairs) {
  while (!text.empty()) {
    if (text.front() == ' ' || text.front() == kEnriched || text.front() == '(') {
      text.remove_prefix(1);
      continue;
    }
    std::size_t end = 0;
    while (end < text.size() && is_name_char(text[end])) ++end;
    if (end == 0 || end == text.size() || text[end] != '=') {
      const std::size_t next = text.find_first_of(" \x1d", std::min(end + 1, text.size()));
      text.remove_prefix(next == std::string_view::npos ? text.size() : next);
      continue;
    }
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (name == "msg" && text.starts_with('\'')) {
      const std::size_t close = text.find('\'', 1);
      take_pairs(text.substr(1, close == std::string_view::npos ? close : close - 1), pairs);
      text.remove_prefix(close == std::string_view::npos ? text.size() : close + 1);
      continue;
    }
    std::size_t stop = text.find_first_of(" \x1d");
    if (text.starts_with('"')) {
      const std::size_t quote = text.find('"', 1);
      stop = quote == std::string_view::npos ? quote : quote + 1;
    }
    pairs.push_back({name, bare(text.substr(0, stop))});
    text.remove_prefix(stop == std::string_view::npos ? text.size() : stop);
  }
}

bool of_one_event(const AuditStamp& a, const AuditStamp& b) {
  return a.serial == b.serial && a.time_ns == b.time_ns && a.node == b.node;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<std::string_view> AuditRecord::find(std::string_view name) const {
  for (const Pair& pair : pairs) {
    if (pair.name == name) return pair.value;
  }
  return std::nullopt;
}

bool looks_like_audit(std::string_view text) {
  return text.starts_with("type=") || text.starts_with("node=");
}

std::optional<std::vector<AuditRecord>> parse_audit_event(std::string_view text) {
  std::vector<AuditRecord> records;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto stamp = parse_audit_stamp(line);
    if (!stamp || records.size() == kMaxAuditRecords) return std::nullopt;
    if (!records.empty() && !of_one_event(*stamp, records[0])) return std::nullopt;
    take_pairs(stamp->fields, records.emplace_back(AuditRecord{*stamp, {}}).pairs);
  }
  if (records.empty()) return std::nullopt;
  return records;
}

std::string audit_text(std::string_view value) {
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    if (value.ends_with('"')) value.remove_suffix(1);
    return std::string(value);
  }
  if (value.size() % 2 == 1 || value.size() < 2) return std::string(value);
  std::string out;
  for (std::size_t i = 0; i < value.size(); i += 2) {
    const int high = hex_digit(value[i]), low = hex_digit(value[i + 1]);
    if (high < 0 || low < 0) return std::string(value);
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

}  // namespace stele::daemon
