#include "tools/stele/control_client.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

#include "tools/stele/command.h"
#include "tools/stele/control_reply.h"
#include "tools/stele/local_socket.h"

namespace stele::tools {
namespace {

namespace asio = boost::asio;
// A record of the format's largest size in base64, with room for its other fields.
constexpr std::size_t kMaxLineBytes = std::size_t{128} << 20;

}  // namespace

struct ControlClient::Connection {
  asio::io_context context;
  asio::local::stream_protocol::socket socket{context};
  std::string received;
};

ControlClient::ControlClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
ControlClient::ControlClient(ControlClient&&) noexcept = default;
ControlClient& ControlClient::operator=(ControlClient&&) noexcept = default;
ControlClient::~ControlClient() = default;

std::optional<ControlClient> ControlClient::connect(const std::string& path) {
  auto connection = std::make_unique<Connection>();
  if (!connect_to(connection->socket, path)) return std::nullopt;
  return ControlClient(std::move(connection));
}

int ControlClient::socket() { return connection_->socket.native_handle(); }

std::string ControlClient::read_line() {
  std::string& received = connection_->received;
  boost::system::error_code error;
  const std::size_t length =
      asio::read_until(connection_->socket, asio::dynamic_buffer(received, kMaxLineBytes), '\n', error);
  if (error) throw CommandError(kUnavailable, "the daemon ended the connection before it answered");
  std::string line = received.substr(0, length - 1);
  received.erase(0, length);
  return line;
}

boost::json::object ControlClient::ask(const boost::json::object& request, const Visitor& each) {
  // Whoever may not ask is told so and hung up on, perhaps before he has asked: what matters is the
  // reply.
  boost::system::error_code hung_up;
  asio::write(connection_->socket, asio::buffer(boost::json::serialize(request) + "\n"), hung_up);
  for (;;) {
    ControlLine line = read_control_line(read_line());
    if (line.is_last) return std::move(line.object);
    if (each) each(line.object);
  }
}

}  // namespace stele::tools
