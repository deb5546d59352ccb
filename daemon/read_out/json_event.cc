#include "daemon/read_out/json_event.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "attest/rfc3339.h"
#include "daemon/read_out/json_formats.h"
#include "daemon/read_out/json_members.h"

namespace stele::daemon {
namespace {

using simdjson::dom::element;

constexpr std::size_t kMaxDepth = 64;

// Whole or broken seconds since 1970, or milliseconds where seconds would be beyond the year 5000.
std::optional<std::int64_t> time_of_number(double number) {
  if (!(number > 0) || number > 9e15) return std::nullopt;
  if (number > 1e11) number /= 1000;
  if (number > 9.2e9) return std::nullopt;  // what nanoseconds in 64 bits hold
  return static_cast<std::int64_t>(std::llround(number * 1e6)) * 1000;
}

// A format whose pointers are prepared.
struct ReadyFormat {
  struct Sign {
    JsonPaths paths;
    std::string begins_with;
  };
  explicit ReadyFormat(const JsonFormat& format)
      : name(format.mapping.format), time(prepared(format.mapping.time)), finish(format.finish) {
    for (const JsonMapping::Sign& sign : format.mapping.signs) {
      signs.push_back({prepared(sign.pointers), sign.begins_with});
    }
    for (std::size_t i = 0; i < kFieldCount; ++i) fields[i] = prepared(format.mapping.pointers[i]);
  }
  std::string name;
  std::vector<Sign> signs;
  std::array<JsonPaths, kFieldCount> fields;
  JsonPaths time;
  decltype(JsonFormat::finish) finish;
};

// The first of these members that says something.
std::string_view text_at(const JsonMembers& event, const JsonPaths& paths, std::string& scratch) {
  for (const JsonPath& path : paths) {
    element value;
    if (!event.find(path, value)) continue;
    const std::string_view text = json_text(value, scratch);
    if (!text.empty()) return text;
  }
  return {};
}

void read_time(const JsonMembers& event, const JsonPaths& paths, ReadOut& out) {
  for (const JsonPath& path : paths) {
    element value;
    if (!event.find(path, value)) continue;
    std::string_view text;
    double number = 0;
    if (value.get(text) == simdjson::SUCCESS) {
      out.time_ns = attest::from_rfc3339(text);
    } else if (value.get(number) == simdjson::SUCCESS) {
      out.time_ns = time_of_number(number);
    }
    if (out.time_ns) return;
  }
}

bool has_sign(const JsonMembers& event, const ReadyFormat::Sign& sign) {
  std::string scratch;
  for (const JsonPath& path : sign.paths) {
    element value;
    if (!event.find(path, value)) continue;
    if (sign.begins_with.empty() || json_text(value, scratch).starts_with(sign.begins_with)) {
      return true;
    }
  }
  return false;
}

bool has_signs(const JsonMembers& event, const ReadyFormat& format) {
  return std::all_of(format.signs.begin(), format.signs.end(),
                     [&](const ReadyFormat::Sign& sign) { return has_sign(event, sign); });
}

}  // namespace

std::string_view json_text(const element& value, std::string& scratch) {
  switch (value.type()) {
    case simdjson::dom::element_type::STRING:
      return value.get_string().value_unsafe();
    case simdjson::dom::element_type::INT64:
      scratch = std::to_string(value.get_int64().value_unsafe());
      return scratch;
    case simdjson::dom::element_type::UINT64:
      scratch = std::to_string(value.get_uint64().value_unsafe());
      return scratch;
    case simdjson::dom::element_type::DOUBLE: {
      char digits[32];
      const auto [end, error] =
          std::to_chars(digits, digits + sizeof digits, value.get_double().value_unsafe());
      scratch.assign(digits, error == std::errc{} ? end : digits);
      return scratch;
    }
    case simdjson::dom::element_type::BOOL:
      return value.get_bool().value_unsafe() ? "true" : "false";
    default:
      return {};
  }
}

bool is_json_pointer(std::string_view text) {
  if (text.empty() || text.size() > kMaxPointerBytes || text.front() != '/') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '~' && next != '0' && next != '1') return false;
  }
  return true;
}

std::span<const JsonFormat> json_formats() {
  static const JsonFormat kFormats[] = {cloudtrail(), kubernetes_audit(), cloud_events(), ocsf(),
                                        ecs(),        plain_json()};
  return kFormats;
}

struct JsonEvents::State {
  simdjson::dom::parser parser{kMaxReadOutBytes};
  std::vector<char> padded;  // the event and the bytes that simdjson may read behind it
  std::string scratch;
  std::vector<ReadyFormat> formats;
  JsonMembers members;

  bool read(const element& event, const ReadyFormat& format, ReadOut& out);
};

bool JsonEvents::State::read(const element& event, const ReadyFormat& format, ReadOut& out) {
  if (!has_signs(members, format)) return false;
  bool any = false;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    const auto field = static_cast<Field>(i);
    const std::string_view text = text_at(members, format.fields[i], scratch);
    if (text.empty()) continue;
    any = true;
    if (field == Field::outcome) {
      out.set(field, outcome_word(text));
    } else if (field == Field::severity) {
      out.set(field, severity_word(text));
    } else {
      out.set(field, text);
    }
  }
  if (format.signs.empty() && !any) return false;
  read_time(members, format.time, out);
  if (format.finish != nullptr) format.finish(event, out);
  out.format = format.name;
  return true;
}

JsonEvents::JsonEvents(const std::vector<JsonMapping>& configured)
    : state_(std::make_unique<State>()) {
  for (const JsonMapping& mapping : configured) {
    state_->formats.emplace_back(JsonFormat{mapping, nullptr});
  }
  for (const JsonFormat& format : json_formats()) state_->formats.emplace_back(format);
  // Both throw only for want of memory.
  if (state_->parser.allocate(4096, kMaxDepth) != simdjson::SUCCESS) throw std::bad_alloc();
}
JsonEvents::JsonEvents(JsonEvents&&) noexcept = default;
JsonEvents::~JsonEvents() = default;

bool JsonEvents::read(std::string_view text, ReadOut& out) {
  State& state = *state_;
  const std::size_t wanted = text.size() + simdjson::SIMDJSON_PADDING;
  if (state.padded.size() < wanted) state.padded.resize(wanted + wanted / 2);
  std::copy(text.begin(), text.end(), state.padded.begin());
  std::memset(state.padded.data() + text.size(), 0, simdjson::SIMDJSON_PADDING);
  element event;
  if (state.parser.parse(state.padded.data(), text.size(), false).get(event) != simdjson::SUCCESS) {
    return false;
  }
  simdjson::dom::object object;
  if (event.get(object) != simdjson::SUCCESS) return false;
  state.members.read(object);
  for (const ReadyFormat& format : state.formats) {
    if (state.read(event, format, out)) return true;
  }
  return false;
}

}  // namespace stele::daemon
