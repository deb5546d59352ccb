// Sockets that the service manager opened and passed on (socket activation, sd_listen_fds(3)).
//
// Each has a name (FileDescriptorName=): unix, unix-datagram, udp, tcp, tls, http or control, and
// belongs to the input of that name, beside what the configuration lets it open itself; unix and
// control take the place of the configured path. Ports below 1024 come so, without a capability.
// Thread safety: none. Errors: ConfigError for a name that is none of these, and a socket that is
// of the wrong kind for its name. Trust: whoever started the daemon.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stele::daemon {

class PassedSockets {
 public:
  PassedSockets() = default;  // none
  // From the environment, which no longer names them afterwards. To be called once.
  static PassedSockets from_environment();

  // The descriptors of this name; from here on they are the caller's.
  std::vector<int> take(const std::string& name);
  // Where there can be one only: ConfigError for more.
  std::optional<int> take_one(const std::string& name);
  std::vector<std::string> names() const;  // of what nobody has taken
  bool has(const std::string& name) const { return sockets_.contains(name); }

 private:
  std::map<std::string, std::vector<int>> sockets_;
};

}  // namespace stele::daemon
