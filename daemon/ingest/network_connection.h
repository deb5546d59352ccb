// One connection over the network, TCP or TLS: it only sends; its intake takes what comes.
//
// Stream receives from a TCP socket, plainly or through TLS (plain_receiver.h, tls_receiver.h);
// greet() says who is at its other end. Nothing is ever written to the sender, beside what TLS
// needs. It is ended when it sends nothing for limits.idle_timeout, or leaves an event unfinished
// for limits.event_timeout: counted by tick() while the daemon waits for the sender, so that our
// own delays are never held against it. A silent one may have to give way (daemon/give_way.h).
// Lives until the stream is over, or until close(). Thread safety: one executor on one thread.
// Errors: end the connection.
#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/give_way.h"
#include "daemon/ingest/intake.h"
#include "daemon/ingest/network_shared.h"
#include "daemon/ingest/plain_receiver.h"

namespace stele::daemon {

using TcpReceiver = PlainReceiver<boost::asio::ip::tcp::socket>;

// Who is at the other end: the content of the source record; none: it is not listened to, and why
// was said. For TLS, behind the handshake.
boost::asio::awaitable<std::optional<std::string>> greet(TcpReceiver& stream,
                                                         NetworkShared& shared);
// The sender has ended in order: so do we, where the transport has a word for that.
boost::asio::awaitable<void> farewell(TcpReceiver& stream, NetworkShared& shared);

template <class Stream>
class NetworkConnection : public std::enable_shared_from_this<NetworkConnection<Stream>> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Address = boost::asio::ip::address;

  NetworkConnection(Stream stream, std::shared_ptr<NetworkShared> shared, Address address,
                    Place place)
      : stream_(std::move(stream)),
        shared_(std::move(shared)),
        address_(std::move(address)),
        place_(std::move(place)) {}
  NetworkConnection(const NetworkConnection&) = delete;
  NetworkConnection& operator=(const NetworkConnection&) = delete;

  void start(std::function<void()> ended) {
    boost::asio::co_spawn(
        stream_.socket().get_executor(),
        [self = this->shared_from_this()] { return self->receive(); },
        [self = this->shared_from_this(), ended = std::move(ended)](const std::exception_ptr&) {
          self->over_ = true;
          self->close();
          ended();
        });
  }
  void sealed() {}
  void stop() { end_reading(); }
  bool read_out() const { return over_; }
  void close() {
    boost::system::error_code ignored;
    closed_ = true;
    stream_.socket().close(ignored);
    if (intake_) intake_->close();
  }

  // To be called at regular times; so much has gone by since the last call.
  void tick(std::chrono::milliseconds since) {
    if (!waiting_ || ending_) return;
    const bool finished =
        intake_ && (intake_->buffer().rest().empty() || intake_->taken() != taken_);
    if (intake_) taken_ = intake_->taken();
    unfinished_for_ = finished ? std::chrono::milliseconds(0) : unfinished_for_ + since;
    silent_for_ += since;
    const NetworkLimits& limits = shared_->limits;
    if (!intake_) {
      if (silent_for_ >= limits.handshake) end("no TLS handshake within limits.handshake_timeout");
    } else if (unfinished_for_ >= limits.event) {
      end("an event was left unfinished for limits.event_timeout");
    } else if (silent_for_ >= limits.idle) {
      end("nothing came for limits.idle_timeout");
    }
  }
  const Address& peer() const { return address_; }
  bool gave_way() const { return gave_way_; }
  // Of giving way; none: something has come within so long (in a handshake: kPatienceWithAHandshake).
  std::optional<Standing> standing(std::chrono::milliseconds least) const {
    const auto needed = intake_ ? least : std::min(least, kPatienceWithAHandshake);
    if (!waiting_ || ending_ || closed_ || silent_for_ < needed) return std::nullopt;
    Standing standing{true, 0, Heard::nothing, silent_for_};
    if (heard_) {
      const bool is_whole = intake_->buffer().rest().empty();
      standing.heard = is_whole ? Heard::whole_messages : Heard::part_of_a_message;
    }
    return standing;
  }
  bool all_read() const {  // and is in the queue, or begins an event
    boost::system::error_code gone;
    return stream_.socket().available(gone) == 0;
  }
  // Its place and descriptor are free at once; an event that is not finished is refused.
  void give_way() {
    boost::system::error_code ignored;
    complain("it was silent for longest, and its place was needed");
    turn_.reset();
    ending_ = gave_way_ = true;
    stream_.socket().close(ignored);
    place_.reset();
  }
  bool has_turn() const { return turn_ != nullptr; }  // for a long event
  // Reads what has arrived, then ends; the event that is not finished is refused.
  void end(const std::string& why) {
    complain(why);
    turn_.reset();  // its event is refused as soon as it resumes
    end_reading();
  }

 private:
  void complain(const std::string& why) {
    shared_->complain((intake_ ? intake_->source() : "a connection") + ": ended: " + why);
  }
  boost::asio::awaitable<void> receive() {
    waiting_ = true;
    const auto source = co_await greet(stream_, *shared_);
    waiting_ = false;
    silent_for_ = {};
    if (!source || closed_) co_return;
    intake_ = std::make_shared<Intake>(stream_.socket().get_executor(), shared_->ingest, *source,
                                       Framing(shared_->frame, shared_->ingest->max_event_bytes));
    for (bool more = true; more && !closed_;) {
      more = co_await read_more();
      co_await intake_->take_events(!more, clean_);
    }
    turn_.reset();
    if (clean_ && !closed_) co_await farewell(stream_, *shared_);
  }

  boost::asio::awaitable<bool> read_more() {
    ReadBuffer& buffer = intake_->buffer();
    buffer.settle();
    if (!buffer.is_long()) turn_.reset();
    while (intake_->backlogged() && !closed_) co_await intake_->wake().wait();
    if (!turn_ && !closed_ && buffer.needs_turn()) {
      turn_ = co_await shared_->long_events->take(address_.to_string(), [this] { return closed_; });
    }
    if (closed_) co_return false;
    waiting_ = true;
    const Received got = co_await stream_.receive(buffer);
    waiting_ = false;
    if (got.count > 0) silent_for_ = {};
    heard_ = heard_ || got.count > 0;
    clean_ = got.error == boost::asio::error::eof && !ending_;
    co_return !got.error;
  }

  void end_reading() {
    boost::system::error_code ignored;
    ending_ = true;
    stream_.socket().shutdown(Socket::shutdown_receive, ignored);
  }

  Stream stream_;
  std::shared_ptr<NetworkShared> shared_;
  const Address address_;
  Place place_;
  std::shared_ptr<Intake> intake_;  // from greet() on
  LongEvents::Turn turn_;
  std::chrono::milliseconds silent_for_{0};
  std::chrono::milliseconds unfinished_for_{0};
  std::uint64_t taken_ = 0;
  bool waiting_ = false;                    // for the sender
  bool heard_ = false;                      // anything, behind the handshake
  bool ending_ = false, gave_way_ = false;  // by us
  bool clean_ = false;                      // ended by the sender
  bool over_ = false;
  bool closed_ = false;
};

}  // namespace stele::daemon
