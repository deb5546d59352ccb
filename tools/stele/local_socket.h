// Connecting to a Unix stream socket of the daemon.
//
// Thread safety: any, each with a socket of its own. Errors: CommandError 77 when this user may not
// connect; std::system_error.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include <string>

namespace stele::tools {

// False when nobody listens there.
bool connect_to(boost::asio::local::stream_protocol::socket& socket, const std::string& path);

}  // namespace stele::tools
