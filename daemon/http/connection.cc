#include "daemon/http/connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <optional>

#include "daemon/log.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using namespace std::chrono_literals;

// What is read ahead of the parser: no single line of a request is longer.
constexpr std::size_t kReadAheadBytes = 64u << 10;
constexpr std::size_t kReadStepBytes = 16u << 10;
// After an early refusal the client is still writing: it gets this long to read why, and may write
// meanwhile what the longest body that can be configured has; a mebibyte is on its way before a
// busy client looks at its first answer.
constexpr auto kLingerTime = 2s;
constexpr std::size_t kLingerBytes = 64u << 20;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return std::string(text.data(), length);
}

HttpReply refusal_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit) {
    return problem(431, "the header is longer than " + std::to_string(kMaxHeaderBytes) + " bytes");
  }
  if (error == http::error::bad_version) return problem(505, "HTTP/1.1 or HTTP/1.0, please");
  return problem(400, "this is not HTTP: " + error.message());
}

HttpReply too_large(std::size_t limit) {
  return problem(413, "the body may have " + std::to_string(limit) + " bytes");
}

}  // namespace

struct HttpConnection::Exchange {
  Exchange() {
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(boost::none);  // the route's, which is known behind the header
    parser.eager(false);
  }
  http::request_parser<http::buffer_body> parser;
  HttpRequest request;
  const Route* route = nullptr;
  std::optional<HttpReply> refusal;
  std::size_t header_bytes = 0;
  bool begun = false;
  bool wants_continue = false;

  void refuse(HttpReply reply) { refusal = std::move(reply); }
  bool read_headers();
};

HttpConnection::HttpConnection(std::unique_ptr<ByteStream> stream,
                               std::shared_ptr<HttpShared> shared, asio::any_io_executor executor,
                               std::string peer)
    : stream_(std::move(stream)),
      shared_(std::move(shared)),
      deadline_(std::move(executor), asio::steady_timer::time_point::max()),
      peer_(std::move(peer)) {}

void HttpConnection::start(std::function<void()> ended) {
  const auto self = shared_from_this();
  const auto executor = deadline_.get_executor();
  asio::co_spawn(
      executor, [self] { return self->watch(); }, [self](const std::exception_ptr&) {});
  asio::co_spawn(
      executor, [self] { return self->serve(); },
      [self, ended = std::move(ended)](const std::exception_ptr&) {
        self->close();
        ended();
      });
}

void HttpConnection::stop() {
  if (idle_) close();
}

void HttpConnection::close() {
  closed_ = true;
  stream_->close();
  deadline_.cancel();
}

Standing HttpConnection::standing() const {
  Standing standing;
  standing.waits_for_peer = awaits_client_;
  if (!idle_) {
    standing.heard = Heard::part_of_a_message;
  } else if (heard_) {
    standing.heard = Heard::whole_messages;
  }
  // While it is answered nothing is waited for.
  if (deadline_.expiry() != asio::steady_timer::time_point::max()) {
    standing.silent_for =
        shared_->receive_time - (deadline_.expiry() - std::chrono::steady_clock::now());
  }
  return standing;
}

void HttpConnection::allow(std::chrono::milliseconds time) {
  out_of_time_ = false;
  deadline_.expires_after(time);
}

asio::awaitable<void> HttpConnection::watch() {
  const auto self = shared_from_this();
  while (!closed_) {
    co_await deadline_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (closed_ || deadline_.expiry() > std::chrono::steady_clock::now()) continue;
    out_of_time_ = true;
    deadline_.expires_at(asio::steady_timer::time_point::max());
    stream_->cancel();
  }
}

asio::awaitable<void> HttpConnection::serve() {
  allow(shared_->receive_time);
  if (co_await stream_->begin()) co_return;  // no handshake: nobody to tell
  while (!closed_ && !shared_->stopping) {
    // Not in the condition: g++ 12 keeps no temporaries of it over a suspension.
    const bool more = co_await serve_one();
    if (!more) co_return;
  }
}

asio::awaitable<bool> HttpConnection::serve_one() {
  Exchange exchange;
  exchange.request.caller = stream_->caller();
  idle_ = awaits_client_ = true;
  allow(shared_->receive_time);
  bool whole = co_await receive_header(exchange);
  if (whole && !exchange.refusal) whole = co_await receive_body(exchange);
  if (!whole && !exchange.refusal) {
    if (!out_of_time_ || !exchange.begun) co_return false;
    exchange.refuse(problem(408, "the request did not come to its end in time"));
  }
  awaits_client_ = false;
  heard_ = true;
  ++shared_->requests;
  const bool refused = exchange.refusal.has_value();
  if (!refused) co_await answer(exchange);
  exchange.request.being_received.reset();
  // HTTP/1.0 knows no chunks: there the end of the connection is the end of the body.
  const bool until_end = exchange.refusal->more && exchange.parser.get().version() < 11;
  const bool last = refused || until_end || !exchange.parser.keep_alive() || shared_->stopping;
  const bool written = co_await reply(exchange, *exchange.refusal, last);
  if (written && last) co_await linger();
  co_return written && !last;
}

asio::awaitable<bool> HttpConnection::receive_header(Exchange& exchange) {
  while (!exchange.parser.is_header_done()) {
    if (!exchange.begun) {
      while (received_.size() >= 2 && received_[0] == '\r' && received_[1] == '\n') {
        received_.erase(received_.begin(), received_.begin() + 2);  // RFC 9112, 2.2
      }
      if (!received_.empty()) {
        exchange.begun = true;
        idle_ = false;
        allow(shared_->receive_time);
        exchange.request.being_received =
            std::make_shared<BodyRoom>(std::shared_ptr<BodyBuffers>(shared_, &shared_->buffers));
      }
    }
    const bool more = co_await parse(exchange);
    if (!more) co_return false;
  }
  if (!exchange.read_headers()) co_return true;
  co_return judge_header(exchange);
}

// One step of the parser, or, if it needs more, of the client. False: neither, or a refusal.
asio::awaitable<bool> HttpConnection::parse(Exchange& exchange) {
  boost::system::error_code error = http::error::need_more;
  std::size_t used = 0;
  if (!received_.empty()) {
    const bool in_header = !exchange.parser.is_header_done();
    used = exchange.parser.put(asio::buffer(received_), error);
    // Beast limits what it sees at once; line by line a header could go on for ever.
    if (in_header) exchange.header_bytes += used;
    if (exchange.header_bytes > kMaxHeaderBytes) error = http::error::header_limit;
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(used));
  }
  if (error == http::error::need_buffer) error = {};
  if (!error) co_return true;
  if (error != http::error::need_more) {
    exchange.refuse(refusal_of(error));
    co_return false;
  }
  if (received_.size() >= kReadAheadBytes) {
    exchange.refuse(problem(400, "a line of the request is too long"));
    co_return false;
  }
  co_return co_await fill();
}

asio::awaitable<bool> HttpConnection::fill() {
  if (out_of_time_ || closed_) co_return false;
  const std::size_t before = received_.size();
  received_.resize(std::min(before + kReadStepBytes, kReadAheadBytes));
  const auto [error, count] = co_await stream_->read_some(
      asio::buffer(received_.data() + before, received_.size() - before));
  received_.resize(before + count);
  co_return !error && !out_of_time_;
}

// False: refused.
bool HttpConnection::Exchange::read_headers() {
  static constexpr std::array<std::string_view, 6> kOnce{
      "host", "content-type", "content-encoding", "content-length", "idempotency-key", "expect"};
  for (const auto& field : parser.get()) {
    request.headers.emplace(lower(field.name_string()), field.value());
  }
  for (const std::string_view name : kOnce) {
    if (request.headers.count(std::string(name)) > 1) {
      refuse(problem(400, std::string(name) + " is there twice"));
    }
  }
  const bool newest = parser.get().version() == 11;
  if (newest && !request.headers.contains("host")) refuse(problem(400, "there is no Host"));
  if (request.headers.contains("transfer-encoding")) {
    const bool known = parser.chunked() && lower(request.header("transfer-encoding")) == "chunked";
    if (!known || request.headers.count("transfer-encoding") > 1) {
      refuse(problem(501, "Transfer-Encoding may be chunked and nothing else"));
    } else if (!newest || request.headers.contains("content-length")) {
      refuse(problem(400, "chunked goes with HTTP/1.1 and without a Content-Length"));
    }
  }
  const std::string expect = lower(request.header("expect"));
  wants_continue = expect == "100-continue";
  if (!expect.empty() && !wants_continue) refuse(problem(417, "Expect may be 100-continue"));
  return !refusal;
}

// Before a byte of the body is asked for. True in any case: the header is whole.
bool HttpConnection::judge_header(Exchange& exchange) {
  HttpRequest& request = exchange.request;
  request.method = exchange.parser.get().method_string();
  auto target = parse_target(exchange.parser.get().target());
  if (!target) {
    exchange.refuse(problem(400, "the target is no path, or longer than " +
                                     std::to_string(kMaxTargetBytes) + " bytes"));
    return true;
  }
  request.target = std::move(*target);
  auto found = shared_->routes->find(request.method, request.target.path, request.caller->roles);
  if (found.refusal) {
    exchange.refuse(std::move(*found.refusal));
    return true;
  }
  exchange.route = found.route;
  request.path_values = std::move(found.values);
  const auto length = exchange.parser.content_length();
  if (length && *length > exchange.route->max_body_bytes) {
    exchange.refuse(too_large(exchange.route->max_body_bytes));
  }
  return true;
}

asio::awaitable<bool> HttpConnection::receive_body(Exchange& exchange) {
  if (exchange.wants_continue && !exchange.parser.is_done() && received_.empty()) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto error = co_await stream_->write(asio::buffer(kContinue));
    if (error) co_return false;
  }
  attest::Bytes& body = exchange.request.body;
  std::array<std::uint8_t, kReadStepBytes> step;
  while (!exchange.parser.is_done()) {
    auto& into = exchange.parser.get().body();
    into.data = step.data();
    into.size = step.size();
    into.more = true;
    const bool more = co_await parse(exchange);
    const std::size_t count = step.size() - into.size;
    body.insert(body.end(), step.begin(), step.begin() + static_cast<std::ptrdiff_t>(count));
    const bool has_room = exchange.request.being_received->add(count);
    if (body.size() > exchange.route->max_body_bytes) {
      exchange.refuse(too_large(exchange.route->max_body_bytes));
    } else if (!has_room) {
      exchange.refuse(no_room_for_body());
    }
    if (!more || exchange.refusal) co_return false;
  }
  co_return true;
}

// The handler's reply, in the place of a refusal: how a reply came about is the same to the client.
asio::awaitable<void> HttpConnection::answer(Exchange& exchange) {
  deadline_.expires_at(asio::steady_timer::time_point::max());
  std::string failed;
  try {
    exchange.refusal = co_await exchange.route->answer(exchange.request);
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (failed.empty()) co_return;
  log(Priority::error,
      exchange.request.method + " " + exchange.request.target.path + ": " + failed);
  exchange.refuse(problem(500, "this failed inside; the daemon's log says why"));
}

asio::awaitable<bool> HttpConnection::reply(const Exchange& exchange, const HttpReply& reply,
                                            bool last) {
  if (reply.status >= 400) ++shared_->refusals;
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " " +
                     std::string(reason_phrase(reply.status)) + "\r\nDate: " + date_now() +
                     "\r\nServer: steled\r\n"
                     "X-Content-Type-Options: nosniff\r\nContent-Type: " +
                     reply.content_type + "\r\n";
  if (!reply.more) {
    text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  } else if (exchange.parser.get().version() >= 11) {
    text += "Transfer-Encoding: chunked\r\n";
  }
  bool cached = false;
  for (const auto& [name, value] : reply.headers) {
    text += name + ": " + value + "\r\n";
    cached = cached || name == "Cache-Control";
  }
  if (!cached) text += "Cache-Control: no-store\r\n";
  if (last) {
    text += "Connection: close\r\n";
  } else if (exchange.parser.get().version() < 11) {
    text += "Connection: keep-alive\r\n";
  }
  text += "\r\n";
  if (exchange.request.method != "HEAD") text += reply.body;
  allow(shared_->receive_time);
  const auto error = co_await stream_->write(asio::buffer(text));
  if (error || closed_) co_return false;
  if (!reply.more || exchange.request.method == "HEAD") co_return true;
  co_return co_await reply_pieces(reply, exchange.parser.get().version() >= 11);
}

// False: the client is gone, or what is missing cannot be had; an end without the last chunk says
// so.
asio::awaitable<bool> HttpConnection::reply_pieces(const HttpReply& reply, bool chunked) {
  HttpReply::Piece piece;
  while (!piece.last) {
    deadline_.expires_at(asio::steady_timer::time_point::max());
    std::string failed;
    try {
      piece = co_await reply.more();
    } catch (const std::exception& error) {
      failed = error.what();
    }
    if (!failed.empty()) {
      log(Priority::error, "a reply ends before its end: " + failed);
      co_return false;
    }
    std::string text = std::move(piece.bytes);
    if (chunked && !text.empty()) {
      std::array<char, 20> length{};
      const int digits = std::snprintf(length.data(), length.size(), "%zx\r\n", text.size());
      text.insert(0, length.data(), static_cast<std::size_t>(digits));
      text += "\r\n";
    }
    if (chunked && piece.last) text += "0\r\n\r\n";
    if (text.empty()) continue;
    allow(shared_->receive_time);
    const auto error = co_await stream_->write(asio::buffer(text));
    if (error || closed_) co_return false;
  }
  co_return true;
}

// A close with unread bytes would be a reset, which takes the reply away from the client.
asio::awaitable<void> HttpConnection::linger() {
  allow(kLingerTime);
  co_await stream_->end_writing();
  for (std::size_t read = 0; read < kLingerBytes && !closed_; read += received_.size()) {
    received_.clear();
    const bool more = co_await fill();
    if (!more) co_return;
  }
}

}  // namespace stele::daemon
