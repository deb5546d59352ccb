// Listening network sockets: bound as the configuration says, or adopted from whoever passed them.
//
// Thread safety: none. Errors: ListenError, which says what to do about an address in use or a port
// that needs a privilege.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <string>
#include <system_error>

namespace stele::daemon {

struct ListenError : std::system_error {
  using std::system_error::system_error;
};

// address: as parse_address takes it. key: the configuration key that names it, for messages.
boost::asio::ip::tcp::acceptor listen_tcp(const boost::asio::any_io_executor& executor,
                                          const std::string& address, const std::string& key);
boost::asio::ip::udp::socket bind_udp(const boost::asio::any_io_executor& executor,
                                      const std::string& address, const std::string& key);
// A descriptor that was passed: ours from here on.
boost::asio::ip::tcp::acceptor adopt_tcp(const boost::asio::any_io_executor& executor, int fd);
boost::asio::ip::udp::socket adopt_udp(const boost::asio::any_io_executor& executor, int fd);

// Asks for a kernel buffer of this size; says once in the daemon's log if less was granted.
void set_receive_buffer(int fd, std::uint32_t bytes, const std::string& what);
// A dead peer is noticed after two minutes without an answer.
void keep_alive(boost::asio::ip::tcp::socket& socket);
// An IPv4 sender is named alike, whichever socket it came through.
boost::asio::ip::address plain(const boost::asio::ip::address& address);

}  // namespace stele::daemon
