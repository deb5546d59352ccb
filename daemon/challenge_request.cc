#include "daemon/challenge_request.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace stele::daemon {
namespace {

namespace json = boost::json;
using attest::Defect;
using attest::Fault;

Defect refuse(const std::string& why) {
  return {Fault::value_out_of_range, {}, why};
}

std::optional<attest::Hash> hash_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return attest::hash_from_hex({value->as_string().data(), value->as_string().size()});
}

attest::Result<Since> decode_since(const json::value& value) {
  const auto needs = [] {
    return refuse("\"since\" has \"log_id\", \"seq\" and \"digest\" and nothing else");
  };
  if (!value.is_object() || value.as_object().size() != 3) return needs();
  const json::object& object = value.as_object();
  const auto log_id = hash_of(object, "log_id");
  const auto digest = hash_of(object, "digest");
  const json::value* seq = object.if_contains("seq");
  if (!log_id || !digest || seq == nullptr || !(seq->is_uint64() || seq->is_int64())) {
    return needs();
  }
  json::error_code error;
  Since since{*log_id, seq->to_number<std::uint64_t>(error), *digest};
  if (error) return needs();
  return since;
}

}  // namespace

attest::Result<Challenge> decode_challenge(std::string_view text) {
  if (text.size() > kMaxChallengeBytes) return refuse("a challenge is shorter");
  json::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) return refuse("a challenge is one JSON object");
  const json::object& object = value.as_object();
  const auto nonce = hash_of(object, "nonce");
  if (!nonce) return refuse("\"nonce\" is needed: 64 hex digits, 32 random bytes");
  Challenge challenge{*nonce, std::nullopt, false};
  const json::value* since = object.if_contains("since");
  const json::value* boot_logs = object.if_contains("boot_logs");
  if (object.size() != 1u + (since != nullptr) + (boot_logs != nullptr)) {
    return refuse(
        "a challenge has \"nonce\", perhaps \"since\" and \"boot_logs\", and nothing else");
  }
  if (boot_logs != nullptr) {
    // One way to say no: without it.
    if (!boot_logs->is_bool() || !boot_logs->as_bool()) return refuse("\"boot_logs\" is true");
    challenge.boot_logs = true;
  }
  if (since != nullptr) {
    auto decoded = decode_since(*since);
    if (!decoded) return decoded.error();
    challenge.since = *decoded;
  }
  return challenge;
}

std::string to_json(const Challenge& challenge) {
  json::object object{{"nonce", attest::to_hex(challenge.nonce)}};
  if (challenge.since) {
    object["since"] = json::object{{"log_id", attest::to_hex(challenge.since->log_id)},
                                   {"seq", challenge.since->seq},
                                   {"digest", attest::to_hex(challenge.since->digest)}};
  }
  if (challenge.boot_logs) object["boot_logs"] = true;
  return json::serialize(object);
}

}  // namespace stele::daemon
