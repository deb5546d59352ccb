#include "daemon/ingest/udp.h"

#include <netinet/in.h>

#include <cstring>
#include <map>
#include <utility>

#include "daemon/ingest/network_sockets.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kLargestUdp = 65'535;   // no datagram is longer
constexpr std::size_t kMaxRemembered = 4096;  // senders; a forgotten one is named anew

asio::ip::address address_of(const msghdr& header) {
  sockaddr_in6 name{};
  std::memcpy(&name, header.msg_name, std::min<std::size_t>(header.msg_namelen, sizeof name));
  if (name.sin6_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, header.msg_name, sizeof four);
    return asio::ip::address_v4(ntohl(four.sin_addr.s_addr));
  }
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &name.sin6_addr, bytes.size());
  return plain(asio::ip::address_v6(bytes, name.sin6_scope_id));
}

class UdpSenders {
 public:
  std::shared_ptr<const std::string> operator()(const msghdr& header) {
    const asio::ip::address address = address_of(header);
    if (known_.size() >= kMaxRemembered) known_.clear();
    auto& source = known_[address];
    if (!source) {
      source = std::make_shared<const std::string>("{\"address\":\"" + address.to_string() +
                                                   "\",\"transport\":\"udp\"}");
    }
    return source;
  }

 private:
  std::map<asio::ip::address, std::shared_ptr<const std::string>> known_;
};

}  // namespace

std::unique_ptr<Datagrams> make_udp(const Config& config, const asio::any_io_executor& executor,
                                    Sequencer& sequencer, const std::vector<int>& passed) {
  std::vector<asio::ip::udp::socket> opened;
  for (const std::string& address : config.listen_udp) {
    opened.push_back(bind_udp(executor, address, "listen.udp.addresses"));
  }
  for (const int fd : passed) opened.push_back(adopt_udp(executor, fd));
  std::vector<DatagramSocket> sockets;
  for (asio::ip::udp::socket& socket : opened) {
    const auto local = socket.local_endpoint();
    const std::string host = local.address().is_v6() ? "[" + local.address().to_string() + "]"
                                                     : local.address().to_string();
    const std::string listener = "{\"listener\":\"" + host + ":" + std::to_string(local.port()) +
                                 "\",\"transport\":\"udp\"}";
    const bool is_passed = sockets.size() >= config.listen_udp.size();
    sockets.push_back({socket.release(), listener, is_passed});
    set_receive_buffer(sockets.back().fd, config.receive_buffer, listener);
  }
  return std::make_unique<Datagrams>(config, executor, sequencer, std::move(sockets), kLargestUdp,
                                     UdpSenders());
}

}  // namespace stele::daemon
