// Reading is recorded: an access record, durable before anything that it names is given out.
//
// Thread safety: awaited on any executor, where it goes on. Errors: as words, for the one who
// asked. See: README.md, "Records of the daemon's own".
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "daemon/sequencer.h"

namespace stele::daemon {

// text: the record's content, canonical JSON: who asked, and for what. Empty: it is durable; else
// why it is not, a trouble that passes.
boost::asio::awaitable<std::string> record_access(Sequencer& sequencer, const std::string& text);

}  // namespace stele::daemon
