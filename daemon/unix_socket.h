// A listening Unix socket with a name in the file system, and what the kernel says of its peers.
//
// The file left behind by a dead daemon is replaced; one that somebody listens on, or that is no
// socket, is refused. Our own is removed at the end, unless somebody else's stands there by then.
// Thread safety: none. Errors: std::system_error naming the path and what to do; in use:
// address_in_use. Trust: Peer is the kernel's word about who connected, at the time of connecting.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <string>

namespace stele::daemon {

using UnixStreamSocket = boost::asio::local::stream_protocol::socket;

// The name of a bound Unix socket in the file system.
class SocketFile {
 public:
  // Makes room for a socket of this type (SOCK_STREAM, SOCK_DGRAM) at the path; "": none is made.
  SocketFile(std::string path, int type);
  ~SocketFile() { remove(); }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  void made(int bind_error, mode_t mode);  // bind() was called, with this errno or 0
  void remove();                           // ours alone

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

class UnixListener {
 public:
  UnixListener(boost::asio::any_io_executor executor, const std::string& path, mode_t mode);
  // A listening socket that was passed; its file is of whoever made it, and stays.
  UnixListener(boost::asio::any_io_executor executor, int passed);
  ~UnixListener();
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  boost::asio::local::stream_protocol::acceptor& acceptor() { return acceptor_; }
  void close();  // ends waiting accepts, removes the file; connections stay

 private:
  boost::asio::local::stream_protocol::acceptor acceptor_;
  SocketFile file_;
};

struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
};
Peer peer_of(UnixStreamSocket& socket);
// {"gid":…,"pid":…,"transport":"unix","uid":…}: the content of a source record.
std::string to_json(const Peer& peer, const std::string& transport = "unix");

}  // namespace stele::daemon
