#include "daemon/ingest/tcp.h"

#include <utility>

namespace stele::daemon {

namespace asio = boost::asio;

asio::awaitable<std::optional<std::string>> greet(TcpReceiver& stream, NetworkShared&) {
  boost::system::error_code gone;
  const auto peer = stream.socket().remote_endpoint(gone);
  if (gone) co_return std::nullopt;
  co_return "{\"address\":\"" + plain(peer.address()).to_string() + "\",\"transport\":\"tcp\"}";
}

asio::awaitable<void> farewell(TcpReceiver&, NetworkShared&) {
  co_return;
}

std::unique_ptr<TcpInput> make_tcp(const Config& config, const asio::any_io_executor& executor,
                                   Sequencer& sequencer, const std::vector<int>& passed) {
  std::deque<asio::ip::tcp::acceptor> acceptors;
  for (const std::string& address : config.listen_tcp) {
    acceptors.push_back(listen_tcp(executor, address, "listen.tcp.addresses"));
  }
  for (const int fd : passed) acceptors.push_back(adopt_tcp(executor, fd));
  const Frame frame = config.listen_tcp_framing == "lf" ? Frame::lf : Frame::octets;
  return std::make_unique<TcpInput>(
      std::make_shared<NetworkShared>(config, frame, sequencer, executor), std::move(acceptors),
      [](asio::ip::tcp::socket socket) { return TcpReceiver(std::move(socket)); });
}

}  // namespace stele::daemon
