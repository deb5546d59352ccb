// A connection to a daemon's control socket: one request, its records, its last line.
//
// To our own daemon's (connect) it waits for as long as that takes; to that of a host under judgement
// (within) everything has limits. Blocks: until the daemon has answered, or the limits. Thread safety:
// one thread, but the socket may be shut down from any. Errors: CommandError with the daemon's own
// exit code and message when it refuses; NotTheProtocol (control_reply.h); 69 when it ends before it
// answered; 77 when this user may not connect; within: as HttpWire, and 65 where more comes than is
// taken. See: daemon/README.md, "Control protocol".
#pragma once

#include <boost/json/object.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace stele::tools {

struct HttpLimits;

class ControlClient {
 public:
  ControlClient(ControlClient&&) noexcept;
  ControlClient& operator=(ControlClient&&) noexcept;
  ~ControlClient();

  // Nothing when no daemon listens there.
  static std::optional<ControlClient> connect(const std::string& path);
  // url: of a Unix socket. The time and the size of an answer by HTTP hold for this one.
  static ControlClient within(const HttpLimits& limits, const std::string& url);
  // The last line of the reply, "ok" true; the lines before it go to `each`.
  using Visitor = std::function<void(const boost::json::object&)>;
  boost::json::object ask(const boost::json::object& request, const Visitor& each = {});
  int socket();  // of connect()

 private:
  struct Connection;  // of Asio, which half the commands would have to compile
  struct OwnDaemons;
  struct Limited;
  explicit ControlClient(std::unique_ptr<Connection> connection);
  std::string read_line();

  std::unique_ptr<Connection> connection_;
};

}  // namespace stele::tools
