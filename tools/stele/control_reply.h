// A line of what a control socket replies: something on the way, or the last line.
//
//   {…}                                        without "ok": a record, or other things asked for
//   {"ok":true,…}                              the last line
//   {"ok":false,"exit":N,"message":TEXT}       the last line of a refusal
//
// Thread safety: pure. Errors: CommandError with the refusal's own exit code and message;
// NotTheProtocol where the line is none of these. Trust: an auditor may be connected to the socket
// of a host under judgement: a refusal is never one of the codes that mean a verdict.
// See: daemon/README.md, "Control protocol".
#pragma once

#include <boost/json/object.hpp>

#include <string_view>

#include "tools/stele/command.h"

namespace stele::tools {

// CommandError 65: who listens there does not speak the control protocol.
class NotTheProtocol : public CommandError {
 public:
  explicit NotTheProtocol(const std::string& why);
};

struct ControlLine {
  boost::json::object object;
  bool is_last = false;
};
ControlLine read_control_line(std::string_view line);  // without its LF
// The refusal of a host that is under judgement, as such: 69 in the place of a code that says
// something is wrong at this end, which nobody knows but this side.
CommandError hosts_refusal(const CommandError& error);

// A member that the protocol has in such a line, as text; else NotTheProtocol.
std::string_view text_in(const boost::json::object& line, std::string_view member);

}  // namespace stele::tools
