#include "daemon/ingest/unix_datagram.h"

#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "daemon/ingest/network_sockets.h"
#include "daemon/unix_socket.h"

namespace stele::daemon {
namespace {

// The kernel's default limit for what a datagram may take (net.core.wmem_default) is below.
constexpr std::size_t kLargestUnix = 256u << 10;
constexpr const char* kListener = "{\"transport\":\"unix_datagram\"}";  // of nobody in particular

// The datagrams and, where we made it, the file of their socket.
class UnixDatagrams : public Datagrams {
 public:
  UnixDatagrams(const Config& config, boost::asio::any_io_executor executor, Sequencer& sequencer,
                std::vector<DatagramSocket> sockets, DatagramSource source,
                std::unique_ptr<SocketFile> file)
      : Datagrams(config, std::move(executor), sequencer, std::move(sockets), kLargestUnix,
                  std::move(source)),
        file_(std::move(file)) {}
  void stop() override {
    file_.reset();
    Datagrams::stop();
  }
  void close() override {
    file_.reset();
    Datagrams::close();
  }

 private:
  std::unique_ptr<SocketFile> file_;
};

// What stands for credentials of a datagram that was sent before its socket asked for them: by who
// opened it (PassCredentials=), or by this daemon. Also: nobody's, from another process namespace.
constexpr uid_t kOverflowId = 65534;  // kernel.overflowuid and overflowgid
bool is_known(const ucred& sender) {
  return sender.pid != 0 || sender.uid != kOverflowId || sender.gid != kOverflowId;
}

// The kernel puts the credentials beside every datagram; programs send many in a row.
class LocalSenders {
 public:
  std::shared_ptr<const std::string> operator()(const msghdr& header) {
    ucred credentials{};
    for (const cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(const_cast<msghdr*>(&header), const_cast<cmsghdr*>(part))) {
      if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
        std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
      }
    }
    if (!newest_ || std::memcmp(&credentials, &newest_of_, sizeof credentials) != 0) {
      newest_of_ = credentials;
      newest_ = std::make_shared<const std::string>(
          is_known(credentials)
              ? to_json({credentials.uid, credentials.gid, credentials.pid}, "unix_datagram")
              : kListener);
    }
    return newest_;
  }

 private:
  ucred newest_of_{};
  std::shared_ptr<const std::string> newest_;
};

[[noreturn]] void fail_with_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int bind_at(const std::string& path, mode_t mode, SocketFile& file) {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail_with_errno(path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  file.made(bound ? 0 : errno, mode);
  return fd;
}

}  // namespace

std::unique_ptr<Input> make_unix_datagram(const Config& config,
                                          const boost::asio::any_io_executor& executor,
                                          Sequencer& sequencer, const std::vector<int>& passed) {
  std::unique_ptr<SocketFile> file;
  std::vector<DatagramSocket> sockets;
  for (const int fd : passed) sockets.push_back({fd, kListener});
  if (!config.listen_unix_datagram.empty()) {
    file = std::make_unique<SocketFile>(config.listen_unix_datagram, SOCK_DGRAM);
    sockets.push_back({bind_at(config.listen_unix_datagram,
                               static_cast<mode_t>(config.listen_unix_datagram_mode), *file),
                       kListener});
  }
  for (const DatagramSocket& socket : sockets) {
    const int on = 1;
    if (::setsockopt(socket.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
      fail_with_errno("SO_PASSCRED");
    set_receive_buffer(socket.fd, config.receive_buffer, kListener);
  }
  return std::make_unique<UnixDatagrams>(config, executor, sequencer, std::move(sockets),
                                         LocalSenders(), std::move(file));
}

}  // namespace stele::daemon
