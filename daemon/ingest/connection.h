// One connection of the ingest socket: its opening line, its acknowledgements; its intake does the
// rest.
//
// Lives until its sender has ended and all of it is durable and told, or until close().
// Thread safety: one executor on one thread. Errors: end the connection, never the daemon.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/give_way.h"
#include "daemon/ingest/intake.h"
#include "daemon/ingest/long_events.h"
#include "daemon/ingest/places.h"
#include "daemon/ingest/plain_receiver.h"
#include "daemon/unix_socket.h"

namespace stele::daemon {

class IngestConnection : public std::enable_shared_from_this<IngestConnection> {
 public:
  using Socket = UnixStreamSocket;

  // place: its user's, or none.
  IngestConnection(UnixStreamSocket socket, std::shared_ptr<IngestShared> shared,
                   std::shared_ptr<LongEvents> long_events, Place place);
  IngestConnection(const IngestConnection&) = delete;
  IngestConnection& operator=(const IngestConnection&) = delete;
  void start(std::function<void()> ended);
  void sealed() { intake_->wake().notify(); }  // shared.sealed_size has grown
  void stop();                                 // reads what has arrived, then ends
  bool read_out() const { return over_; }
  void close();
  // Has a turn for a long event and waits for its sender: since when. All that came is read.
  std::optional<std::chrono::steady_clock::time_point> stalled_since() const;
  const std::string& user() const { return user_; }
  // Who may have to give way to a new one (daemon/give_way.h).
  uid_t peer() const { return uid_; }
  bool gave_way() const { return gave_way_; }
  // None: not this one, since it was not silent for so long, or something of it is not durable or
  // not told.
  std::optional<Standing> standing(std::chrono::milliseconds least) const;
  bool all_read() const;  // that has come
  // As end(); the place is free at once.
  void give_way();
  // Reads what has arrived, then ends; the event that is not finished is refused.
  void end(const std::string& why);

 private:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  awaitable<void> receive();
  awaitable<bool> read_more();  // false: the stream is over
  bool open(bool ended);        // false: the opening line is not complete yet
  awaitable<void> acknowledge();
  std::string next_lines();

  PlainReceiver<UnixStreamSocket> stream_;
  std::shared_ptr<IngestShared> shared_;
  std::shared_ptr<LongEvents> long_events_;
  Place place_;
  std::shared_ptr<Intake> intake_;
  const uid_t uid_;
  const std::string user_;
  LongEvents::Turn turn_;
  std::chrono::steady_clock::time_point waits_since_{};
  bool waiting_ = false;  // for the sender, since then
  bool ending_ = false, gave_way_ = false;  // by us
  bool heard_ = false;    // anything
  bool telling_ = false;  // a write of acknowledgements is under way
  bool opened_ = false;
  Ack ack_ = Ack::none;
  bool over_ = false;   // nothing more will be read
  bool clean_ = false;  // ended by the sender
  bool closed_ = false;
};

// Tells a sender why it is not listened to: one line, if its socket takes it at once.
void turn_away(UnixStreamSocket& socket, std::string_view fault, std::string_view message);

}  // namespace stele::daemon
