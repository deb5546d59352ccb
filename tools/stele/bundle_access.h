// BundleAccess: a running daemon's record of who made an evidence bundle, and of what came of it.
//
// The tool reads the store's files itself; the daemon, which is asked first, has it in the log before
// the first byte is read. Not told of an end: the daemon sees the connection end, and records that.
// Without a daemon nothing is recorded, as wherever files are read directly.
// Blocks. Thread safety: one thread. Errors: CommandError of ControlClient, 75 where there is no room
// for the record.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>

#include "attest/evidence/index_ranges.h"
#include "tools/stele/site.h"

namespace stele::tools {

class BundleAccess {
 public:
  // what: the request, but "do".
  BundleAccess(const Site& site, const boost::json::object& what);
  void done() { tell({{"do", "outcome"}, {"outcome", "done"}}); }
  // reason: of daemon/refusal_cause.h.
  void refused(const char* reason) {
    tell({{"do", "outcome"}, {"outcome", "refused"}, {"reason", reason}});
  }

 private:
  void tell(const boost::json::object& outcome);
  std::optional<ControlClient> daemon_;
};

// Which records are shown, as the request names them: the last intervals joined where there are
// more than one request may name.
boost::json::array named_intervals(const attest::IndexRanges& shown);

}  // namespace stele::tools
