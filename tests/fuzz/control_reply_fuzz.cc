// A line of a control socket's reply, which an auditor may have from a host under judgement: read,
// or an end that is no verdict.
#include "tests/fuzz/fuzz.h"
#include "tools/stele/control_reply.h"

using namespace stele::tools;

FUZZ_TARGET(control_reply) {
  try {
    const ControlLine line =
        read_control_line({reinterpret_cast<const char*>(input.data()), input.size()});
    ENSURE(line.is_last == line.object.contains("ok"));
    try {
      text_in(line.object, "reply");
    } catch (const NotTheProtocol&) {
      ENSURE(!line.object.contains("reply") || !line.object.at("reply").is_string());
    }
    return true;
  } catch (const CommandError& error) {
    ENSURE(error.code() >= kUsage && error.code() <= kConfiguration);
    return false;
  }
}
