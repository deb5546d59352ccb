#include "daemon/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace stele::daemon {
namespace {

using boost::asio::local::stream_protocol;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

// Removes the file of a daemon that is gone; anything else at the path is refused.
SocketFile::SocketFile(std::string path, int type) : path_(std::move(path)) {
  if (path_.empty()) return;
  struct stat found {};
  if (::lstat(path_.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    fail(errno, path_);
  }
  if (!S_ISSOCK(found.st_mode)) {
    fail(EEXIST, path_ + " is no socket: remove it, or configure another path");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  const int probe = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  const int connected =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool dead = connected != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (!dead) {
    fail(EADDRINUSE, path_ + " is served by another process: stop that, or configure another path");
  }
  if (::unlink(path_.c_str()) != 0) fail(errno, path_);
}

void SocketFile::made(int bind_error, mode_t mode) {
  if (bind_error != 0) {
    fail(bind_error, path_ + " cannot be made: is its directory there and writable?");
  }
  struct stat made {};
  // A link that somebody put in the socket's place meanwhile is not followed.
  if (::fchmodat(AT_FDCWD, path_.c_str(), mode, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::lstat(path_.c_str(), &made) != 0) {
    fail(errno, path_);
  }
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

void SocketFile::remove() {
  struct stat found {};
  const bool is_ours = inode_ != 0 && ::lstat(path_.c_str(), &found) == 0 &&
                       found.st_dev == device_ && found.st_ino == inode_;
  // A thread that is confined may not; the one that destroys this then does.
  if (is_ours && ::unlink(path_.c_str()) != 0 && errno != ENOENT) return;
  inode_ = 0;
}

UnixListener::UnixListener(boost::asio::any_io_executor executor, const std::string& path,
                           mode_t mode)
    : acceptor_(executor, stream_protocol()), file_(path, SOCK_STREAM) {
  boost::system::error_code failed;
  acceptor_.bind(stream_protocol::endpoint(path), failed);
  file_.made(failed.value(), mode);
  acceptor_.listen();
}

UnixListener::UnixListener(boost::asio::any_io_executor executor, int passed)
    : acceptor_(executor, stream_protocol(), passed), file_({}, SOCK_STREAM) {}

UnixListener::~UnixListener() {
  close();
}

void UnixListener::close() {
  if (!acceptor_.is_open()) return;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  file_.remove();
}

Peer peer_of(UnixStreamSocket& socket) {
  struct ucred credentials {};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    fail(errno, "SO_PEERCRED");
  }
  return {credentials.uid, credentials.gid, credentials.pid};
}

std::string to_json(const Peer& peer, const std::string& transport) {
  return "{\"gid\":" + std::to_string(peer.gid) + ",\"pid\":" + std::to_string(peer.pid) +
         ",\"transport\":\"" + transport + "\",\"uid\":" + std::to_string(peer.uid) + "}";
}

}  // namespace stele::daemon
