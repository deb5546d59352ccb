// A connection to the daemon's control socket: one request, its records, its last line.
//
// Blocks: until the daemon has answered. Thread safety: one thread. Errors: CommandError with the
// daemon's own exit code and message when it refuses; NotTheProtocol (control_reply.h); 69 when it
// ends before it answered; 77 when this user may not connect. See: daemon/README.md, "Control protocol".
#pragma once

#include <boost/json/object.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace stele::tools {

class ControlClient {
 public:
  ControlClient(ControlClient&&) noexcept;
  ControlClient& operator=(ControlClient&&) noexcept;
  ~ControlClient();

  // Nothing when no daemon listens there.
  static std::optional<ControlClient> connect(const std::string& path);
  // The last line of the reply, "ok" true; the lines before it go to `each`.
  using Visitor = std::function<void(const boost::json::object&)>;
  boost::json::object ask(const boost::json::object& request, const Visitor& each = {});
  int socket();

 private:
  struct Connection;  // of Asio, which half the commands would have to compile
  explicit ControlClient(std::unique_ptr<Connection> connection);
  std::string read_line();

  std::unique_ptr<Connection> connection_;
};

}  // namespace stele::tools
