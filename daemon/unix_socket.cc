#include "daemon/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace stele::daemon {
namespace {

using boost::asio::local::stream_protocol;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

// Removes the file of a daemon that is gone; anything else at the path is refused.
void replace_stale(stream_protocol::acceptor& acceptor, const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    fail(errno, path);
  }
  if (!S_ISSOCK(found.st_mode)) {
    fail(EEXIST, path + " is no socket: remove it, or configure another path");
  }
  stream_protocol::socket probe(acceptor.get_executor());
  boost::system::error_code refused;
  probe.connect(stream_protocol::endpoint(path), refused);
  if (refused != boost::asio::error::connection_refused) {
    fail(EADDRINUSE, path + " is served by another process: stop that, or configure another path");
  }
  if (::unlink(path.c_str()) != 0) fail(errno, path);
}

}  // namespace

UnixListener::UnixListener(boost::asio::any_io_executor executor, const std::string& path,
                           mode_t mode)
    : acceptor_(executor, stream_protocol()), path_(path) {
  replace_stale(acceptor_, path);
  boost::system::error_code failed;
  acceptor_.bind(stream_protocol::endpoint(path), failed);
  if (failed) fail(failed.value(), path + " cannot be made: is its directory there and writable?");
  struct stat made {};
  if (::chmod(path.c_str(), mode) != 0 || ::lstat(path.c_str(), &made) != 0) fail(errno, path);
  device_ = made.st_dev;
  inode_ = made.st_ino;
  acceptor_.listen();
}

UnixListener::~UnixListener() {
  close();
}

void UnixListener::close() {
  if (!acceptor_.is_open()) return;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  struct stat found {};
  if (::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

Peer peer_of(UnixStreamSocket& socket) {
  struct ucred credentials {};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    fail(errno, "SO_PEERCRED");
  }
  return {credentials.uid, credentials.gid, credentials.pid};
}

std::string to_json(const Peer& peer) {
  return "{\"gid\":" + std::to_string(peer.gid) + ",\"pid\":" + std::to_string(peer.pid) +
         ",\"transport\":\"unix\",\"uid\":" + std::to_string(peer.uid) + "}";
}

}  // namespace stele::daemon
