// HandOut: a running daemon's record of who had evidence read out of the log's files, and of what
// came of it.
//
// The tool reads the files itself; the daemon, which is asked first, has it in the log before the
// first byte is read. Not told of an end: the daemon sees the connection end, and records that.
// Without a daemon nothing is recorded, as wherever files are read directly.
// Blocks. Thread safety: one thread. Errors: CommandError of ControlClient, 75 where there is no
// room for the record. See: daemon/README.md, "Who leaves a record".
#pragma once

#include <boost/json/object.hpp>
#include <optional>

#include "tools/stele/site.h"

namespace stele::tools {

class HandOut {
 public:
  // request: as the control socket takes it (daemon/control_request.h).
  HandOut(const Site& site, const boost::json::object& request);
  void done() { tell({{"do", "outcome"}, {"outcome", "done"}}); }
  // reason: of daemon/refusal_cause.h.
  void refused(const char* reason) {
    tell({{"do", "outcome"}, {"outcome", "refused"}, {"reason", reason}});
  }

 private:
  void tell(const boost::json::object& outcome);
  std::optional<ControlClient> daemon_;
};

}  // namespace stele::tools
