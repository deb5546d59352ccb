#include "daemon/ingest/network_sockets.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "attest/check.h"
#include "daemon/address.h"
#include "daemon/log.h"

namespace stele::daemon {
namespace {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;

template <class Endpoint>
Endpoint endpoint_of(const std::string& text) {
  const auto address = parse_address(text);
  ENSURE(address);  // the configuration was checked
  return Endpoint(boost::asio::ip::make_address(address->host), address->port);
}

void throw_if(const boost::system::error_code& failed, const std::string& address,
              const std::string& key) {
  if (!failed) return;
  std::string advice = "configure another address";
  if (failed == boost::asio::error::address_in_use) {
    advice = "stop whoever has it, or configure another address";
  } else if (failed == boost::asio::error::access_denied) {
    advice =
        "a port below 1024 needs a privilege that steled does without: let systemd open it and "
        "pass it on (socket activation), or configure a port from 1024 on";
  }
  throw ListenError(std::error_code(failed.value(), std::generic_category()),
                    key + ": " + address + " cannot be listened on: " + advice);
}

template <class Socket>
void open(Socket& socket, const typename Socket::endpoint_type& endpoint,
          const std::string& address, const std::string& key) {
  boost::system::error_code failed;
  socket.open(endpoint.protocol(), failed);
  throw_if(failed, address, key);
  // "[::]" is IPv6 alone, so that "0.0.0.0" may stand beside it.
  if (endpoint.address().is_v6()) socket.set_option(boost::asio::ip::v6_only(true), failed);
  if constexpr (std::is_same_v<Socket, tcp::acceptor>) {
    socket.set_option(tcp::acceptor::reuse_address(true), failed);
  }
  socket.bind(endpoint, failed);
  throw_if(failed, address, key);
}

bool is_v6(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_INET6;
}

}  // namespace

tcp::acceptor listen_tcp(const boost::asio::any_io_executor& executor, const std::string& address,
                         const std::string& key) {
  tcp::acceptor acceptor(executor);
  open(acceptor, endpoint_of<tcp::endpoint>(address), address, key);
  boost::system::error_code failed;
  acceptor.listen(tcp::acceptor::max_listen_connections, failed);
  throw_if(failed, address, key);
  return acceptor;
}

udp::socket bind_udp(const boost::asio::any_io_executor& executor, const std::string& address,
                     const std::string& key) {
  udp::socket socket(executor);
  open(socket, endpoint_of<udp::endpoint>(address), address, key);
  return socket;
}

tcp::acceptor adopt_tcp(const boost::asio::any_io_executor& executor, int fd) {
  return {executor, is_v6(fd) ? tcp::v6() : tcp::v4(), fd};
}

udp::socket adopt_udp(const boost::asio::any_io_executor& executor, int fd) {
  return {executor, is_v6(fd) ? udp::v6() : udp::v4(), fd};
}

void set_receive_buffer(int fd, std::uint32_t bytes, const std::string& what) {
  const int wanted = static_cast<int>(bytes);
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) == 0) return;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
  int got = 0;
  socklen_t length = sizeof got;
  ::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &length);
  if (got / 2 >= wanted) return;  // the kernel doubles what it grants
  log(Priority::notice, what + ": the kernel grants a receive buffer of " +
                            std::to_string(got / 2) + " bytes, limits.receive_buffer asks for " +
                            std::to_string(bytes) + ": raise net.core.rmem_max");
}

void keep_alive(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(boost::asio::socket_base::keep_alive(true), ignored);
  const auto set = [&](int option, int value) {
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
  };
  set(TCP_KEEPIDLE, 60);
  set(TCP_KEEPINTVL, 10);
  set(TCP_KEEPCNT, 6);
}

boost::asio::ip::address plain(const boost::asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
}

}  // namespace stele::daemon
