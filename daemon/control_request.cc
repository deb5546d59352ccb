#include "daemon/control_request.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

#include "attest/base64.h"
#include "daemon/read_out/read_out.h"

namespace stele::daemon {
namespace {

namespace json = boost::json;
using attest::Defect;
using attest::Fault;
using Do = ControlRequest::Do;

// Takes members out of the request; what is left at the end is unknown.
class Members {
 public:
  explicit Members(json::object& object) : object_(object) {}

  std::optional<json::value> take(std::string_view name) {
    const auto found = object_.find(json::string_view(name.data(), name.size()));
    if (found == object_.end()) return std::nullopt;
    json::value value = std::move(found->value());
    object_.erase(found);
    return value;
  }
  // Absent: left alone. Not a number of this type: the name is kept as wrong.
  template <class T>
  void number(std::string_view name, std::optional<T>& out) {
    const auto value = take(name);
    if (!value) return;
    json::error_code error;
    const T number = value->is_number() && !value->is_double() ? value->to_number<T>(error) : T{};
    if (error || !value->is_number() || value->is_double()) {
      wrong_ = name;
    } else {
      out = number;
    }
  }
  void flag(std::string_view name, bool& out) {
    const auto value = take(name);
    if (!value) return;
    if (value->is_bool()) {
      out = value->as_bool();
    } else {
      wrong_ = name;
    }
  }
  template <class Text>
  void text(std::string_view name, Text& out) {
    const auto value = take(name);
    if (!value) return;
    if (value->is_string()) {
      out = std::string(value->as_string());
    } else {
      wrong_ = name;
    }
  }
  // Empty: all was well.
  std::string complaint() const {
    if (!wrong_.empty()) return "\"" + wrong_ + "\" has a value of the wrong type or range";
    if (object_.empty()) return "";
    return "\"" + std::string(object_.begin()->key()) + "\" is no part of this request";
  }

 private:
  json::object& object_;
  std::string wrong_;
};

std::optional<Do> parse_do(const std::optional<json::value>& value) {
  constexpr std::pair<const char*, Do> kNames[] = {{"status", Do::status},
                                                   {"anchor", Do::anchor},
                                                   {"answer", Do::answer},
                                                   {"enroll", Do::enroll},
                                                   {"challenge", Do::challenge},
                                                   {"show", Do::show},
                                                   {"query", Do::query},
                                                   {"prove", Do::prove},
                                                   {"bundle", Do::bundle},
                                                   {"outcome", Do::outcome},
                                                   {"export_anchor", Do::export_anchor},
                                                   {"era_request", Do::era_request},
                                                   {"boot_policy", Do::boot_policy}};
  if (!value || !value->is_string()) return std::nullopt;
  for (const auto& [name, what] : kNames) {
    if (value->as_string() == name) return what;
  }
  return std::nullopt;
}

// Which records a bundle shows: "all", "none", or intervals [begin, end).
bool is_shown(const json::value& value) {
  if (value.is_string()) return value.as_string() == "all" || value.as_string() == "none";
  if (!value.is_array() || value.as_array().size() > kMaxBundleIntervals) return false;
  const auto is_number = [](const json::value& one) {
    return one.is_uint64() || (one.is_int64() && one.as_int64() >= 0);
  };
  return std::ranges::all_of(value.as_array(), [&](const json::value& one) {
    return one.is_array() && one.as_array().size() == 2 && is_number(one.as_array()[0]) &&
           is_number(one.as_array()[1]);
  });
}

// All of it is for the access record: the tool reads the files itself.
std::string take_bundle(Members& members) {
  const auto records = members.take("records");
  if (!records || !is_shown(*records)) {
    return "bundle needs \"records\": \"all\", \"none\" or at most " +
           std::to_string(kMaxBundleIntervals) + " intervals [BEGIN,END]";
  }
  bool flag = false;
  members.flag("boot_logs", flag);
  members.flag("answer", flag);
  std::string since;
  members.text("since", since);
  if (!since.empty() && !attest::hash_from_hex(since)) return "\"since\" has 64 hex digits";
  return "";
}

// Which receipt: for the access record.
std::string take_export(Members& members) {
  std::optional<std::uint64_t> seq;
  members.number("seq", seq);
  return seq ? "" : "\"seq\" is needed: a counter anchor's number";
}

std::string take_boot_policy(Members& members) {
  std::string kind;
  members.text("kind", kind);
  const bool known = kind == "exact" || kind == "digests" || kind == "ima";
  return known ? "" : "boot_policy needs \"kind\": \"exact\", \"digests\" or \"ima\"";
}

std::string take_outcome(Members& members, ControlRequest& request) {
  std::string outcome, reason;
  members.text("outcome", outcome);
  members.text("reason", reason);
  if (outcome == "done" && reason.empty()) return "";
  request.refused_for = refusal_cause(reason);
  if (outcome == "refused" && request.refused_for) return "";
  return "\"outcome\" is \"done\", or \"refused\" with a \"reason\" by its name";
}

// Fills in what this kind of request has; what is missing, in words, or nothing.
std::string take_arguments(Members& members, ControlRequest& request) {
  switch (request.what) {
    case Do::status:
    case Do::anchor:
    case Do::era_request:
      return "";
    case Do::answer: {
      const auto nonce = members.take("nonce");
      const auto hash =
          nonce && nonce->is_string()
              ? attest::hash_from_hex({nonce->as_string().data(), nonce->as_string().size()})
              : std::nullopt;
      if (!hash) return "answer needs \"nonce\": 64 hex digits";
      request.nonce = *hash;
      return "";
    }
    case Do::enroll: {
      std::string text;
      members.text("request", text);
      const auto bytes = attest::from_base64(text);
      auto asked = attest::decode_enrolment_request(bytes.value_or(attest::Bytes{}));
      if (!asked) return "enroll needs \"request\": base64 of an enrolment's request";
      request.enrolment = *std::move(asked);
      return "";
    }
    case Do::challenge: {
      json::object asked;
      for (const char* name : {"nonce", "since", "boot_logs"}) {
        if (auto value = members.take(name)) asked[name] = std::move(*value);
      }
      const auto decoded = decode_challenge(json::serialize(asked));
      if (!decoded) return decoded.error().detail;
      request.challenge = *decoded;
      return "";
    }
    case Do::show:
    case Do::prove: {
      std::optional<std::uint64_t> index;
      members.number("index", index);
      if (request.what == Do::prove) {
        std::string format = "proof";
        members.flag("content", request.content);
        members.text("format", format);
        request.tlog_proof = format == "tlog-proof";
        if (!request.tlog_proof && format != "proof") {
          return "\"format\" is \"proof\" or \"tlog-proof\"";
        }
      }
      if (!index) return "\"index\" is needed: a record's number";
      request.index = *index;
      return "";
    }
    case Do::query: {
      std::optional<std::uint64_t> limit;
      members.number("since_ns", request.query.since_ns);
      members.number("until_ns", request.query.until_ns);
      members.number("begin", request.query.begin);
      members.number("end", request.query.end);
      members.number("source", request.query.source);
      members.number("limit", limit);
      for (std::size_t i = 0; i < kFieldCount; ++i) {
        members.text(kFieldNames[i], request.query.terms[i]);
      }
      members.text("grep", request.query.grep);
      members.flag("follow", request.follow);
      request.query.scan_limit = kMaxScannedRecords;
      request.query.limit = std::min(limit.value_or(request.query.limit), kMaxQueryRecords);
      return "";
    }
    case Do::bundle:
      return take_bundle(members);
    case Do::export_anchor:
      return take_export(members);
    case Do::boot_policy:
      return take_boot_policy(members);
    case Do::outcome:
      return take_outcome(members, request);
  }
  return "";
}

}  // namespace

attest::Result<ControlRequest> decode_control_request(std::string_view line) {
  const auto refuse = [](const std::string& why) {
    return Defect(Fault::value_out_of_range, {}, why);
  };
  json::error_code error;
  json::value value = json::parse({line.data(), line.size()}, error);
  if (error || !value.is_object()) return refuse("a request is one JSON object on one line");
  ControlRequest request;
  request.canonical = json::serialize(value);
  Members members(value.as_object());
  const std::optional<Do> what = parse_do(members.take("do"));
  if (!what) {
    return refuse(
        "\"do\" must be status, anchor, answer, enroll, challenge, show, query, prove, bundle, "
        "export_anchor, era_request, boot_policy or outcome");
  }
  request.what = *what;
  const std::string missing = take_arguments(members, request);
  const std::string complaint = members.complaint();
  if (!complaint.empty()) return refuse(complaint);
  if (!missing.empty()) return refuse(missing);
  return request;
}

}  // namespace stele::daemon
