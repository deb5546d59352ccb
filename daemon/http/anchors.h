// The routes that list counter anchors: /v1/anchors, a page of them, and /v1/anchors/newest.
//
// Each answer waits until its access record is durable. Thread safety: as RouteTable; the journal
// is read on the reader. Errors: problems; 404 for an anchor that is not there. See: README.md,
// "Anchors".
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "daemon/controlled_daemon.h"
#include "daemon/http/routes.h"

namespace stele::daemon {

// Of one page: about 200 KiB. And what is read of the journal for it, beside quote anchors: "next"
// leads on behind either.
constexpr std::uint64_t kMaxPageAnchors = 100;
constexpr std::size_t kMaxPageBytes = 32u << 20;

void add_anchor_routes(RouteTable& routes, const ControlledDaemon& daemon,
                       boost::asio::any_io_executor reader);

}  // namespace stele::daemon
