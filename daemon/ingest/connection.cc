#include "daemon/ingest/connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <limits>
#include <string>
#include <utility>

namespace stele::daemon {

namespace asio = boost::asio;

IngestConnection::IngestConnection(UnixStreamSocket socket, std::shared_ptr<IngestShared> shared,
                                   std::shared_ptr<LongEvents> long_events, Place place)
    : stream_(std::move(socket)),
      shared_(std::move(shared)),
      long_events_(std::move(long_events)),
      place_(std::move(place)),
      intake_(std::make_shared<Intake>(stream_.socket().get_executor(), shared_,
                                       to_json(peer_of(stream_.socket())),
                                       Framing(Frame::lf, shared_->max_event_bytes))),
      uid_(peer_of(stream_.socket()).uid),
      user_(std::to_string(uid_)) {}

std::optional<std::chrono::steady_clock::time_point> IngestConnection::stalled_since() const {
  if (!turn_ || !waiting_ || ending_ || !all_read()) return std::nullopt;
  return waits_since_;
}

std::optional<Standing> IngestConnection::standing(std::chrono::milliseconds least) const {
  if (!waiting_ || telling_ || ending_ || closed_ || over_) return std::nullopt;
  Standing standing;
  standing.silent_for = std::chrono::steady_clock::now() - waits_since_;
  if (standing.silent_for < least || !intake_->all_placed()) return std::nullopt;
  const Acknowledgements* const telling = intake_->acknowledgements();
  if (telling != nullptr && !telling->empty()) return std::nullopt;
  if (heard_) {
    const bool is_whole = intake_->buffer().rest().empty();
    standing.heard = is_whole ? Heard::whole_messages : Heard::part_of_a_message;
  }
  return standing;
}

bool IngestConnection::all_read() const {
  boost::system::error_code gone;
  return stream_.socket().available(gone) == 0;
}

void IngestConnection::give_way() {
  // In the middle of an event it is told of that, or the log is.
  if (intake_->buffer().rest().empty()) {
    turn_away(stream_.socket(), "gave_way",
              "it was silent for longest, and its place was needed: connect again");
  }
  gave_way_ = true;
  place_.reset();
  end("it was silent for longest, and its place was needed");
}

void IngestConnection::start(std::function<void()> ended) {
  const auto self = shared_from_this();
  asio::co_spawn(
      stream_.socket().get_executor(), [self] { return self->receive(); },
      [self](const std::exception_ptr& failed) {
        if (failed) self->close();
        self->over_ = true;
        self->intake_->wake().notify();
      });
  asio::co_spawn(
      stream_.socket().get_executor(), [self] { return self->acknowledge(); },
      [self, ended = std::move(ended)](const std::exception_ptr&) {
        self->close();
        ended();
      });
}

void IngestConnection::stop() {
  boost::system::error_code ignored;
  stream_.socket().shutdown(UnixStreamSocket::shutdown_receive, ignored);
}

void IngestConnection::end(const std::string& why) {
  shared_->complaints.say(intake_->source() + ": ended: " + why);
  ending_ = true;
  turn_.reset();  // its event is refused as soon as it resumes
  stop();
}

void IngestConnection::close() {
  boost::system::error_code ignored;
  closed_ = true;
  stream_.socket().close(ignored);
  intake_->close();
}

asio::awaitable<void> IngestConnection::receive() {
  for (bool more = true; more && !closed_;) {
    more = co_await read_more();
    if (closed_ || (!opened_ && !open(!more))) continue;
    co_await intake_->take_events(!more, clean_);
  }
  intake_->buffer().clear();  // acknowledgements may still be waited for
  turn_.reset();
}

asio::awaitable<bool> IngestConnection::read_more() {
  ReadBuffer& buffer = intake_->buffer();
  buffer.settle();
  if (!buffer.is_long()) turn_.reset();
  while (intake_->backlogged() && !closed_) co_await intake_->wake().wait();
  if (!turn_ && !closed_ && buffer.needs_turn()) {
    turn_ = co_await long_events_->take(user_, [this] { return closed_; });
  }
  if (closed_) co_return false;
  waits_since_ = std::chrono::steady_clock::now();
  waiting_ = true;
  const Received got = co_await stream_.receive(buffer);
  waiting_ = false;
  heard_ = heard_ || got.count > 0;
  clean_ = got.error == asio::error::eof && !shared_->stopping && !ending_;
  co_return !got.error;
}

bool IngestConnection::open(bool ended) {
  const attest::Result<Opening> opening = decode_opening(intake_->buffer().rest(), ended);
  if (!opening) {
    shared_->complaints.say(intake_->source() +
                            ": opening line refused: " + opening.error().detail);
    turn_away(stream_.socket(), "opening_malformed", opening.error().detail);
    close();
    return false;
  }
  if (!opening->decided) return false;
  opened_ = true;
  ack_ = opening->ack;
  if (ack_ != Ack::none) intake_->acknowledge();
  intake_->set_framing(Framing(opening->frame, shared_->max_event_bytes));
  intake_->buffer().skip(opening->length);
  return true;
}

asio::awaitable<void> IngestConnection::acknowledge() {
  while (!closed_) {
    const std::string lines = next_lines();
    const Acknowledgements* const telling = intake_->acknowledgements();
    if (!lines.empty()) {
      telling_ = true;
      const auto [error, count] = co_await asio::async_write(stream_.socket(), asio::buffer(lines),
                                                             asio::as_tuple(asio::use_awaitable));
      telling_ = false;
      // The sender reads no more, but what it sends is still taken.
      if (error) intake_->stop_telling();
      intake_->wake().notify();  // the backlog is smaller
    } else if (over_ && (telling == nullptr || telling->empty()) && intake_->all_placed()) {
      co_return;
    } else {
      co_await intake_->wake().wait();
    }
  }
}

std::string IngestConnection::next_lines() {
  Acknowledgements* const telling = intake_->acknowledgements();
  if (telling == nullptr) return {};
  return telling->take_lines(ack_ == Ack::sealed ? shared_->sealed_size
                                                 : std::numeric_limits<std::uint64_t>::max());
}

void turn_away(UnixStreamSocket& socket, std::string_view fault, std::string_view message) {
  std::string line = "{\"fault\":\"";
  line.append(fault).append("\",\"message\":\"").append(message).append("\"}\n");
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.send(asio::buffer(line), 0, ignored);
}

}  // namespace stele::daemon
