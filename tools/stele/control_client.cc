#include "tools/stele/control_client.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace asio = boost::asio;
// A record of the format's largest size in base64, with room for its other fields.
constexpr std::size_t kMaxLineBytes = std::size_t{128} << 20;

}  // namespace

bool connect_to(asio::local::stream_protocol::socket& socket, const std::string& path) {
  boost::system::error_code error;
  socket.connect(asio::local::stream_protocol::endpoint(path), error);
  if (error == boost::system::errc::no_such_file_or_directory ||
      error == asio::error::connection_refused) {
    return false;
  }
  if (error == boost::system::errc::permission_denied) {
    throw CommandError(kPermission, "this user may not connect to " + path);
  }
  if (error) throw std::system_error(error, "connect to " + path);
  return true;
}

ControlClient::ControlClient(std::unique_ptr<asio::io_context> context)
    : context_(std::move(context)), socket_(*context_) {}

std::optional<ControlClient> ControlClient::connect(const std::string& path) {
  ControlClient client(std::make_unique<asio::io_context>());
  if (!connect_to(client.socket_, path)) return std::nullopt;
  return client;
}

std::string ControlClient::read_line() {
  boost::system::error_code error;
  const std::size_t length =
      asio::read_until(socket_, asio::dynamic_buffer(received_, kMaxLineBytes), '\n', error);
  if (error) throw CommandError(kUnavailable, "the daemon ended the connection before it answered");
  std::string line = received_.substr(0, length - 1);
  received_.erase(0, length);
  return line;
}

boost::json::object ControlClient::ask(const boost::json::object& request, const Visitor& each) {
  // Whoever may not ask is told so and hung up on, perhaps before he has asked: what matters is the
  // reply.
  boost::system::error_code hung_up;
  asio::write(socket_, asio::buffer(boost::json::serialize(request) + "\n"), hung_up);
  for (;;) {
    boost::json::object line = boost::json::parse(read_line()).as_object();
    const boost::json::value* ok = line.if_contains("ok");
    if (ok == nullptr) {
      if (each) each(line);
      continue;
    }
    if (ok->as_bool()) return line;
    throw CommandError(line.at("exit").to_number<int>(),
                       std::string(line.at("message").as_string()));
  }
}

}  // namespace stele::tools
