// One connection of the ingest socket: its opening line, its acknowledgements; its intake does the
// rest.
//
// Lives until its sender has ended and all of it is durable and told, or until close().
// Thread safety: one executor on one thread. Errors: end the connection, never the daemon.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "daemon/ingest/intake.h"
#include "daemon/unix_socket.h"

namespace stele::daemon {

class IngestConnection : public std::enable_shared_from_this<IngestConnection> {
 public:
  using Socket = UnixStreamSocket;

  IngestConnection(UnixStreamSocket socket, std::shared_ptr<IngestShared> shared);
  void start(std::function<void()> ended);
  void sealed() { intake_->wake().notify(); }  // shared.sealed_size has grown
  void stop();                                 // reads what has arrived, then ends
  bool read_out() const { return over_; }
  void close();

 private:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  awaitable<void> receive();
  awaitable<bool> read_more();  // false: the stream is over
  bool open(bool ended);        // false: the opening line is not complete yet
  awaitable<void> acknowledge();
  std::string next_lines();

  UnixStreamSocket socket_;
  std::shared_ptr<IngestShared> shared_;
  std::shared_ptr<Intake> intake_;
  bool opened_ = false;
  Ack ack_ = Ack::none;
  bool over_ = false;   // nothing more will be read
  bool clean_ = false;  // ended by the sender
  bool closed_ = false;
};

// Tells a sender why it is not listened to: one line, if its socket takes it at once.
void turn_away(UnixStreamSocket& socket, std::string_view fault, std::string_view message);

}  // namespace stele::daemon
