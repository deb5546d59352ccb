#include "tools/stele/control_reply.h"

#include <boost/json/parse.hpp>

namespace stele::tools {
namespace {

namespace json = boost::json;

// Of sysexits.h. What is not among them is no refusal: 0 to 2 are verdicts, which nobody gives but
// this side, and of a larger number the system keeps eight bits.
constexpr int kFirstRefusal = kUsage, kLastRefusal = kConfiguration;

[[noreturn]] void throw_refusal(const json::object& line) {
  const json::value* exit = line.if_contains("exit");
  boost::system::error_code error;
  const int code = exit == nullptr ? 0 : exit->to_number<int>(error);
  if (exit == nullptr || error || code < kFirstRefusal || code > kLastRefusal) {
    throw NotTheProtocol("its refusal has no exit code that means one");
  }
  throw CommandError(code, std::string(text_in(line, "message")));
}

}  // namespace

NotTheProtocol::NotTheProtocol(const std::string& why)
    : CommandError(kMalformed, "what listens there does not speak the control protocol: " + why) {}

ControlLine read_control_line(std::string_view line) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(line.data(), line.size()), error);
  if (error || !value.is_object()) throw NotTheProtocol("a line of it is no JSON object");
  ControlLine read{std::move(value.as_object()), false};
  const json::value* ok = read.object.if_contains("ok");
  if (ok == nullptr) return read;
  if (!ok->is_bool()) throw NotTheProtocol("\"ok\" is neither true nor false");
  if (!ok->as_bool()) throw_refusal(read.object);
  read.is_last = true;
  return read;
}

CommandError hosts_refusal(const CommandError& error) {
  switch (error.code()) {
    case kMalformed:
    case kNoInput:
    case kUnavailable:
    case kTemporary:
    case kPermission:
      return error;
    default:
      return {kUnavailable, std::string("the host refuses: ") + error.what()};
  }
}

std::string_view text_in(const json::object& line, std::string_view member) {
  const json::value* value = line.if_contains(json::string_view(member.data(), member.size()));
  if (value == nullptr || !value->is_string()) {
    throw NotTheProtocol("a line of it lacks the text \"" + std::string(member) + "\"");
  }
  const json::string& text = value->get_string();
  return {text.data(), text.size()};
}

}  // namespace stele::tools
