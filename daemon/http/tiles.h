// The log as C2SP tiles: /checkpoint, /tile/LEVEL/N and /tile/entries/N, what anybody's tlog client
// reads.
//
// Whoever can connect may ask, and nothing of it is recorded: see README.md, "The tree".
// Thread safety: as RouteTable; files are read on the reader. Errors: 404 for what the durable tree
// does not have yet, and for whatever is no tile's name.
// See: C2SP tlog-tiles.md, tlog-checkpoint.md.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "daemon/controlled_daemon.h"
#include "daemon/http/routes.h"

namespace stele::daemon {

void add_tile_routes(RouteTable& routes, const ControlledDaemon& daemon,
                     boost::asio::any_io_executor reader);

}  // namespace stele::daemon
