#include "daemon/read_out/event_reader.h"

#include <libaudit.h>

#include <utility>

#include "daemon/read_out/audit.h"
#include "daemon/read_out/journal_entry.h"
#include "daemon/read_out/program_message.h"
#include "daemon/read_out/rfc3164.h"
#include "daemon/read_out/rfc5424.h"
#include "daemon/read_out/words.h"

namespace stele::daemon {
namespace {

// Raised whenever a mapping changes: the look-up is then made anew.
constexpr std::string_view kMappingVersion = "2";

// SD-PARAM names by field, in the order in which they are looked for.
constexpr std::pair<std::string_view, Field> kParameters[] = {
    {"actor", Field::actor},     {"user", Field::actor},     {"username", Field::actor},
    {"suser", Field::actor},     {"action", Field::action},  {"act", Field::action},
    {"target", Field::target},   {"object", Field::target},  {"duser", Field::target},
    {"outcome", Field::outcome}, {"result", Field::outcome}, {"status", Field::outcome},
    {"src", Field::origin},      {"ip", Field::origin}};

void read_parameters(const Rfc5424& message, ReadOut& out) {
  for (const auto& [name, field] : kParameters) {
    for (const Rfc5424::Parameter& parameter : message.parameters) {
      if (parameter.name != name || parameter.value.empty()) continue;
      out.offer(field, field == Field::outcome ? outcome_word(parameter.value) : parameter.value);
    }
  }
}

// Of a job's result: what systemd calls it, in our words.
std::string job_outcome(std::string_view result) {
  if (result == "done") return "success";
  if (result == "timeout" || result == "dependency") return "failure";
  return outcome_word(result);
}

// journald and the sender beside what the message says: where that says nothing.
void read_journal_fields(const JournalEntry& entry, ReadOut& out) {
  using F = JournalField;
  constexpr std::string_view kNoLoginUser = "4294967295";
  out.offer(Field::actor, entry[F::user_id]);
  if (entry[F::login_uid] != kNoLoginUser) out.offer(Field::actor, entry[F::login_uid]);
  out.offer(Field::actor, entry[F::uid]);
  for (const F field : {F::job_type, F::syslog_identifier, F::comm}) {
    out.offer(Field::action, entry[field]);
  }
  out.offer(Field::target, entry[F::unit]);
  out.offer(Field::target, entry[F::user_unit]);
  if (!entry[F::job_result].empty()) out.offer(Field::outcome, job_outcome(entry[F::job_result]));
  out.offer(Field::origin, entry[F::hostname]);
  if (const auto priority = entry.priority()) {
    out.offer(Field::severity, severity_name(*priority));
  }
}

attest::Hash fingerprint_of(const std::vector<JsonMapping>& configured) {
  std::string text(kMappingVersion);
  const auto add = [&](std::string_view piece) {
    text += std::to_string(piece.size());
    text += ':';
    text += piece;
  };
  for (const JsonMapping& mapping : configured) {
    add(mapping.format);
    for (const JsonMapping::Sign& sign : mapping.signs) {
      for (const std::string& pointer : sign.pointers) add(pointer);
      add("begins with");
      add(sign.begins_with);
    }
    for (const auto& pointers : mapping.pointers) {
      add("");
      for (const std::string& pointer : pointers) add(pointer);
    }
    for (const std::string& pointer : mapping.time) add(pointer);
  }
  constexpr int kCalls = 1024;
  for (int machine = MACH_X86; machine <= MACH_AARCH64; ++machine) {
    for (int call = 0; call < kCalls; ++call) {
      if (const char* const name = audit_syscall_to_name(call, machine)) add(name);
    }
  }
  return attest::hash({attest::tag("stele/v1/read-out"), attest::view(text)});
}

}  // namespace

EventReader::EventReader(const std::vector<JsonMapping>& configured)
    : json_(configured), fingerprint_(fingerprint_of(configured)) {}

// What says itself which format it has.
bool EventReader::read_content(std::string_view text) {
  if (text.starts_with('{')) return json_.read(text, out_);
  if (looks_like_audit(text)) return read_audit(text, out_);
  return false;
}

bool EventReader::read_syslog(std::string_view text, std::int64_t received_ns) {
  std::string_view program, host, message, message_id;
  std::optional<unsigned> priority;
  const auto structured = parse_rfc5424(text);
  const auto old = structured ? std::nullopt : parse_rfc3164(text, received_ns);
  if (!structured && !old) return false;
  if (structured) {
    program = structured->app_name, host = structured->hostname;
    message = structured->message, message_id = structured->message_id;
    priority = structured->priority;
  } else {
    program = old->tag, host = old->hostname, message = old->message, priority = old->priority;
  }
  std::string_view content = trimmed(message);
  take(content, "@cee:");
  const bool nested = read_content(trimmed(content));
  if (!nested) {
    out_.clear();
    out_.format = structured ? "rfc5424" : "rfc3164";
    if (structured) read_parameters(*structured, out_);
    ReadOut said;
    if (read_program_message(program, message, said)) {
      for (std::size_t i = 0; i < kFieldCount; ++i) {
        out_.offer(static_cast<Field>(i), said.values[i]);
      }
    }
  }
  out_.offer(Field::action, message_id);
  out_.offer(Field::action, program);
  out_.offer(Field::origin, host);
  if (priority) out_.offer(Field::severity, severity_name(*priority));
  if (!out_.time_ns) {
    out_.time_ns = structured ? structured->time_ns : std::optional(old->time_ns);
    out_.time_inferred = old && old->time_inferred;
  }
  return true;
}

bool EventReader::read_journal(std::string_view event) {
  const auto entry = parse_journal_entry(event);
  if (!entry) return false;
  const std::string record = entry->audit_record();
  std::string_view content = trimmed((*entry)[JournalField::message]);
  if (record.empty()) take(content, "@cee:");
  if (!read_content(record.empty() ? trimmed(content) : record)) {
    out_.clear();
    ReadOut said;
    const std::string_view program = (*entry)[JournalField::syslog_identifier];
    if (read_program_message(program, content, said)) out_ = std::move(said);
    out_.format = "journal";
  }
  read_journal_fields(*entry, out_);
  if (!out_.time_ns) out_.time_ns = entry->time_ns();
  return true;
}

const ReadOut& EventReader::read(std::string_view event, std::int64_t received_ns) {
  out_.clear();
  if (event.size() > kMaxReadOutBytes) return out_;
  if (looks_like_journal(event)) {
    if (!read_journal(event)) out_.clear();
    return out_;
  }
  const std::string_view text = trimmed(event);
  if (text.empty() || read_content(text)) return out_;
  out_.clear();
  // Whatever stands in front belongs to a syslog message or makes it none.
  if (!read_syslog(event, received_ns)) out_.clear();
  return out_;
}

}  // namespace stele::daemon
