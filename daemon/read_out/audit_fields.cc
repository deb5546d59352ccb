// Who, action, target, outcome and origin of an audit event's records: the mapping table of
// README.md.
#include <libaudit.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "daemon/read_out/audit.h"
#include "daemon/read_out/words.h"

namespace stele::daemon {
namespace {

using Records = std::vector<AuditRecord>;

constexpr std::string_view kUnset = "4294967295";

// The kernel's and the programs' words for "nothing".
bool says_something(std::string_view value) {
  return !value.empty() && value != "?" && value != "\"?\"" && value != "(null)" &&
         value != "(none)" && value != "(unknown)" && value != "unset" && value != "\"unset\"" &&
         value != kUnset && value != "-1";
}

// The first record that says something under this name.
std::string_view said(const Records& records, std::string_view name) {
  for (const AuditRecord& record : records) {
    const auto value = record.find(name);
    if (value && says_something(*value)) return *value;
  }
  return {};
}

std::string_view first_said(const Records& records, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const std::string_view value = said(records, name);
    if (!value.empty()) return value;
  }
  return {};
}

const AuditRecord* of_type(const Records& records, std::string_view type) {
  const auto found = std::find_if(records.begin(), records.end(),
                                  [&](const AuditRecord& record) { return record.type == type; });
  return found == records.end() ? nullptr : &*found;
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Of a field that is never in hexadecimal.
std::string_view unquoted(std::string_view value) {
  take(value, "\"");
  if (value.ends_with('"')) value.remove_suffix(1);
  return value;
}

// The account that a program speaks of: a name, in quotes or hexadecimal, else a number.
std::string account_of(const Records& records) {
  const std::string_view name = said(records, "acct");
  return name.empty() ? std::string(unquoted(said(records, "id"))) : audit_text(name);
}

// Enriched first; then libaudit's table for the machine that "arch" names; then the number itself.
std::string syscall_name(const AuditRecord& record) {
  if (const auto enriched = record.find("SYSCALL"); enriched && says_something(*enriched)) {
    return audit_text(*enriched);
  }
  const auto number = record.find("syscall");
  if (!number || !says_something(*number)) return {};
  if (!all_digits(*number)) return std::string(*number);
  unsigned arch = 0, call = 0;
  const std::string_view elf = record.find("arch").value_or("");
  const auto from = [](std::string_view text, unsigned& out, int base) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc{} && end == text.data() + text.size();
  };
  if (from(elf, arch, 16) && from(*number, call, 10) && call < 100'000) {
    const int machine = audit_elf_to_machine(arch);
    const char* const name =
        machine < 0 ? nullptr : audit_syscall_to_name(static_cast<int>(call), machine);
    if (name != nullptr) return name;
  }
  return "syscall-" + std::string(*number);
}

std::string type_as_action(std::string_view type) {
  std::string action(type);
  for (char& c : action) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return action;
}

// Of the paths, the object: not the directory that holds it.
std::string path(const Records& records) {
  for (const AuditRecord& record : records) {
    if (record.type != "PATH") continue;
    const auto name = record.find("name");
    if (name && says_something(*name) && record.find("nametype").value_or("") != "PARENT") {
      return audit_text(*name);
    }
  }
  return {};
}

std::string_view outcome(const Records& records) {
  const std::string_view said_so = first_said(records, {"success", "res", "result"});
  if (said_so == "yes" || said_so == "success" || said_so == "1") return "success";
  if (said_so == "no" || said_so == "failed" || said_so == "0") return "failure";
  return said_so;
}

}  // namespace

bool read_audit(std::string_view text, ReadOut& out) {
  const auto records = parse_audit_event(text);
  if (!records) return false;
  out.format = "audit";
  const AuditRecord& first = records->front();
  out.time_ns = first.time_ns;

  const std::string account = account_of(*records);
  const std::string_view login = first_said(*records, {"AUID", "auid"});
  out.set(Field::actor, unquoted(login));
  out.offer(Field::actor, account);
  out.offer(Field::actor, unquoted(first_said(*records, {"UID", "uid"})));

  const AuditRecord* const syscall = of_type(*records, "SYSCALL");
  if (syscall != nullptr) out.set(Field::action, syscall_name(*syscall));
  out.offer(Field::action, type_as_action(first.type));

  out.set(Field::target, path(*records));
  if (syscall == nullptr) {
    out.offer(Field::target, audit_text(said(*records, "cmd")));
    out.offer(Field::target, unquoted(said(*records, "unit")));
    if (!login.empty()) out.offer(Field::target, account);
  }
  out.offer(Field::target, audit_text(first_said(*records, {"exe", "comm"})));
  out.set(Field::outcome, outcome(*records));
  out.set(Field::origin, unquoted(first_said(*records, {"addr", "hostname"})));
  out.offer(Field::origin, first.node);
  return true;
}

}  // namespace stele::daemon
