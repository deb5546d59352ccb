#include "tools/stele/control_client.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>

#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>

#include "tools/stele/command.h"
#include "tools/stele/control_reply.h"
#include "tools/stele/http_client.h"
#include "tools/stele/http_url.h"
#include "tools/stele/http_wire.h"
#include "tools/stele/local_socket.h"

namespace stele::tools {
namespace {

namespace asio = boost::asio;
// A record of the format's largest size in base64, with room for its other fields.
constexpr std::size_t kMaxLineBytes = std::size_t{128} << 20;
constexpr std::size_t kLineStepBytes = 64u << 10;

}  // namespace

struct ControlClient::Connection {
  Connection(std::string who_, std::size_t left_) : who(std::move(who_)), left(left_) {}
  virtual ~Connection() = default;
  // What cannot be written is no error: whoever may not ask is told so and hung up on, perhaps before
  // he has asked; what matters is the reply.
  virtual void write(std::string_view bytes) = 0;
  virtual std::size_t read_some(char* into, std::size_t most) = 0;  // 0: it has ended
  virtual int socket() { return -1; }

  const std::string who;
  std::size_t left;  // bytes that are still taken
  std::string received;
};

struct ControlClient::OwnDaemons : Connection {
  OwnDaemons() : Connection("the daemon", std::numeric_limits<std::size_t>::max()) {}
  void write(std::string_view bytes) override {
    boost::system::error_code hung_up;
    asio::write(connected, asio::buffer(bytes.data(), bytes.size()), hung_up);
  }
  std::size_t read_some(char* into, std::size_t most) override {
    boost::system::error_code ended;
    return connected.read_some(asio::buffer(into, most), ended);
  }
  int socket() override { return connected.native_handle(); }

  asio::io_context context;
  asio::local::stream_protocol::socket connected{context};
};

struct ControlClient::Limited : Connection {
  Limited(const HttpLimits& limits, const std::string& url)
      : Connection(url, limits.max_body_bytes),
        wire(*parse_http_url(url), {}, limits.timeout, limits.cancelled) {}
  void write(std::string_view bytes) override { wire.write(bytes); }
  std::size_t read_some(char* into, std::size_t most) override {
    return wire.read_some(into, most);
  }

  HttpWire wire;
};

ControlClient::ControlClient(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
ControlClient::ControlClient(ControlClient&&) noexcept = default;
ControlClient& ControlClient::operator=(ControlClient&&) noexcept = default;
ControlClient::~ControlClient() = default;

std::optional<ControlClient> ControlClient::connect(const std::string& path) {
  auto connection = std::make_unique<OwnDaemons>();
  if (!connect_to(connection->connected, path)) return std::nullopt;
  return ControlClient(std::move(connection));
}

ControlClient ControlClient::within(const HttpLimits& limits, const std::string& url) {
  return ControlClient(std::make_unique<Limited>(limits, url));
}

int ControlClient::socket() {
  return connection_->socket();
}

std::string ControlClient::read_line() {
  Connection& from = *connection_;
  std::string& received = from.received;
  std::size_t end = received.find('\n');
  while (end == received.npos) {
    const std::size_t before = received.size();
    received.resize(before + kLineStepBytes);
    const std::size_t count = from.read_some(received.data() + before, kLineStepBytes);
    received.resize(before + count);
    if (count == 0) {
      throw CommandError(kUnavailable, from.who + " ended the connection before it answered");
    }
    if (count > from.left || received.size() > kMaxLineBytes) {
      throw CommandError(kMalformed, from.who + " answers, but with more bytes than are taken");
    }
    from.left -= count;
    end = received.find('\n', before);
  }
  std::string line = received.substr(0, end);
  received.erase(0, end + 1);
  return line;
}

boost::json::object ControlClient::ask(const boost::json::object& request, const Visitor& each) {
  connection_->write(boost::json::serialize(request) + "\n");
  for (;;) {
    ControlLine line = read_control_line(read_line());
    if (line.is_last) return std::move(line.object);
    if (each) each(line.object);
  }
}

}  // namespace stele::tools
