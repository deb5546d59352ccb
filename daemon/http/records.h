// The routes that give records and their proofs out: /v1/events/{index}, /v1/events/{index}/proof.
//
// Each answer waits until its access record is durable: nothing is given out unrecorded. Thread safety:
// as RouteTable; files are read on the reader. Errors: problems; 503 with Retry-After for what a
// later try may find. See: README.md, "Reading records".
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/json/object.hpp>
#include <functional>

#include "daemon/controlled_daemon.h"
#include "daemon/http/routes.h"

namespace stele::daemon {

void add_record_routes(RouteTable& routes, const ControlledDaemon& daemon,
                       boost::asio::any_io_executor reader);

// What `read` makes, once it is recorded that it was made: with a 410 or 422 as refused. Where it
// cannot be recorded, 503 and nothing of it.
boost::asio::awaitable<HttpReply> give_out(const ControlledDaemon& daemon,
                                           boost::asio::any_io_executor reader,
                                           const HttpRequest& request,
                                           std::function<HttpReply()>& read);

// Of an access record: who asked, by what TLS and the kernel say, and for what.
boost::json::object access_text(const HttpRequest& request);

}  // namespace stele::daemon
