#include "daemon/passed_sockets.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <memory>

#include "daemon/config.h"

namespace stele::daemon {
namespace {

struct Kind {
  const char* name;
  int family;  // AF_UNSPEC: IPv4 or IPv6
  int type;
};
constexpr Kind kKinds[] = {
    {"unix", AF_UNIX, SOCK_STREAM},    {"unix-datagram", AF_UNIX, SOCK_DGRAM},
    {"udp", AF_UNSPEC, SOCK_DGRAM},    {"tcp", AF_UNSPEC, SOCK_STREAM},
    {"tls", AF_UNSPEC, SOCK_STREAM},   {"http", AF_UNSPEC, SOCK_STREAM},
    {"control", AF_UNIX, SOCK_STREAM},
};

bool fits(int fd, const Kind& kind) {
  const int listening = kind.type == SOCK_STREAM ? 1 : -1;
  if (kind.family == AF_UNIX) return sd_is_socket_unix(fd, kind.type, listening, nullptr, 0) > 0;
  return sd_is_socket_inet(fd, AF_UNSPEC, kind.type, listening, 0) > 0;
}

void check_passed(int fd, const std::string& name) {
  std::string known;
  for (const Kind& kind : kKinds) {
    known += std::string(known.empty() ? "" : ", ") + kind.name;
    if (name != kind.name) continue;
    if (fits(fd, kind)) return;
    throw ConfigError("a socket named " + name + " was passed that is not of that kind: correct " +
                      "Listen… in the .socket unit");
  }
  throw ConfigError("a socket named \"" + name + "\" was passed: give it one of these names with " +
                    "FileDescriptorName=: " + known);
}

}  // namespace

PassedSockets PassedSockets::from_environment() {
  char** given = nullptr;
  const int count = sd_listen_fds_with_names(1, &given);
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    names.emplace_back(given[i]);
    std::free(given[i]);
  }
  std::free(given);
  PassedSockets passed;
  for (int fd = SD_LISTEN_FDS_START; const std::string& name : names) {
    check_passed(fd, name);
    passed.sockets_[name].push_back(fd++);
  }
  return passed;
}

std::vector<std::string> PassedSockets::names() const {
  std::vector<std::string> all;
  for (const auto& [name, sockets] : sockets_) all.push_back(name);
  return all;
}

std::vector<int> PassedSockets::take(const std::string& name) {
  const auto found = sockets_.extract(name);
  return found ? std::move(found.mapped()) : std::vector<int>();
}

std::optional<int> PassedSockets::take_one(const std::string& name) {
  const std::vector<int> all = take(name);
  if (all.size() > 1) throw ConfigError("more than one socket named " + name + " was passed");
  return all.empty() ? std::nullopt : std::optional(all.front());
}

}  // namespace stele::daemon
