#include "tools/stele/relay_line.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "attest/printable.h"
#include "tools/stele/command.h"
#include "tools/stele/http_url.h"

namespace stele::tools {
namespace {

using attest::Bytes;
using std::chrono::steady_clock;

sockaddr_un address_of(const std::string& target) {
  sockaddr_un address{};
  if (!target.starts_with(kUnixScheme) || target.size() == kUnixScheme.size()) {
    throw CommandError(kUsage, "'" + target +
                                   "' is no place for the relay: give unix:PATH. From another "
                                   "machine: ssh -L ./relay.sock:PATH root@HOST, then "
                                   "unix:./relay.sock");
  }
  const std::string path = target.substr(kUnixScheme.size());
  if (path.size() >= sizeof address.sun_path) {
    throw CommandError(kUsage, path + " is too long for a Unix socket");
  }
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

int new_socket() {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "socket");
  return descriptor;
}

bool wait_for(int descriptor, short event, steady_clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    pollfd one{descriptor, event, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
  }
}

[[noreturn]] void fail_gone() {
  throw CommandError(kUnavailable,
                     "the other side ended the connection before it was done: run both commands "
                     "again, they go on where they were");
}

}  // namespace

RelayLine RelayLine::connect(const std::string& target) {
  const sockaddr_un address = address_of(target);
  RelayLine line(new_socket());
  if (::connect(line.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0) {
    const int error = errno;
    const bool denied = error == EACCES || error == EPERM;
    throw CommandError(denied ? kPermission : kUnavailable,
                       std::string(address.sun_path) + ": " + std::strerror(error) +
                           ": does `stele provision --mode a --from-outside` wait there?");
  }
  return line;
}

RelayLine::RelayLine(RelayLine&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

RelayLine::~RelayLine() {
  if (descriptor_ >= 0) close(descriptor_);
}

RelayLine::Peer RelayLine::peer() const {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (getsockopt(descriptor_, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return {};
  return {credentials.uid, credentials.gid, credentials.pid};
}

void RelayLine::send(const tpm::RelayMessage& message) {
  const Bytes bytes = tpm::encode(message);
  const auto deadline = steady_clock::now() + kAnswerWait;
  for (std::size_t sent = 0; sent < bytes.size();) {
    if (!wait_for(descriptor_, POLLOUT, deadline)) fail_gone();
    const ssize_t count =
        ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) fail_gone();
    sent += static_cast<std::size_t>(count);
  }
}

Bytes RelayLine::read(std::size_t count) {
  Bytes bytes(count);
  const auto deadline = steady_clock::now() + kAnswerWait;
  for (std::size_t got = 0; got < count;) {
    if (!wait_for(descriptor_, POLLIN, deadline)) {
      throw CommandError(kUnavailable, "the other side was silent for " +
                                           std::to_string(kAnswerWait.count()) +
                                           " s: nothing is taken for locked; run both commands "
                                           "again");
    }
    const ssize_t more = recv(descriptor_, bytes.data() + got, count - got, MSG_DONTWAIT);
    if (more < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (more <= 0) fail_gone();
    got += static_cast<std::size_t>(more);
  }
  return bytes;
}

tpm::RelayMessage RelayLine::receive() {
  Bytes bytes = read(tpm::kRelayHeaderBytes);
  const auto header = tpm::decode_relay_header(bytes);
  if (!header) {
    throw CommandError(kMalformed,
                       "what came over the relay is no message of it: " + header.error().detail);
  }
  const Bytes payload = read(header->length);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  auto message = tpm::decode_relay_message(bytes);
  if (!message) {
    throw CommandError(kMalformed,
                       "what came over the relay is no message of it: " + message.error().detail);
  }
  return *std::move(message);
}

tpm::RelayMessage RelayLine::receive(tpm::RelayKind kind) {
  tpm::RelayMessage message = receive();
  if (message.kind == tpm::RelayKind::refused) {
    const std::string reason(message.payload.begin(), message.payload.end());
    throw CommandError(kUnavailable,
                       "the other side goes no further: " + attest::printable(reason));
  }
  if (message.kind != kind) {
    throw CommandError(kMalformed, "the other side sent another message than the one that was due");
  }
  return message;
}

RelayListener::RelayListener(const std::string& target) : descriptor_(-1) {
  const sockaddr_un address = address_of(target);
  path_ = address.sun_path;
  struct stat found {};
  if (lstat(path_.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) {
      throw CommandError(kCannotCreate, path_ + " exists, and is no socket: name another path");
    }
    unlink(path_.c_str());  // of a command that was killed while it waited
  }
  descriptor_ = new_socket();
  const mode_t before = umask(0177);
  const int bound = bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(before);
  if (bound != 0 || listen(descriptor_, 1) != 0) {
    close(descriptor_);
    throw CommandError(kCannotCreate, path_ + ": " + std::strerror(error));
  }
}

RelayListener::~RelayListener() {
  close(descriptor_);
  unlink(path_.c_str());
}

std::optional<RelayLine> RelayListener::accept(std::chrono::seconds wait) {
  if (!wait_for(descriptor_, POLLIN, steady_clock::now() + wait)) return std::nullopt;
  const int descriptor = accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "accept");
  return RelayLine(descriptor);
}

}  // namespace stele::tools
