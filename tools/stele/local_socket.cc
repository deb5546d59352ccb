#include "tools/stele/local_socket.h"

#include <boost/asio/error.hpp>

#include <system_error>

#include "tools/stele/command.h"

namespace stele::tools {

bool connect_to(boost::asio::local::stream_protocol::socket& socket, const std::string& path) {
  boost::system::error_code error;
  socket.connect(boost::asio::local::stream_protocol::endpoint(path), error);
  if (error == boost::system::errc::no_such_file_or_directory ||
      error == boost::asio::error::connection_refused) {
    return false;
  }
  if (error == boost::system::errc::permission_denied) {
    throw CommandError(kPermission, "this user may not connect to " + path);
  }
  if (error) throw std::system_error(error, "connect to " + path);
  return true;
}

}  // namespace stele::tools
