#include "daemon/outward/http_client.h"

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "daemon/http/plain_stream.h"

namespace stele::daemon {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr std::size_t kMaxAnswerHeaderBytes = 16u << 10;
constexpr std::size_t kReplyStepBytes = 16u << 10;

HttpAnswer failed(const std::string& what, const boost::system::error_code& error) {
  HttpAnswer answer;
  answer.failure = what + ": " + error.message();
  return answer;
}

}  // namespace

// What can be called off while it goes on.
struct HttpClient::Attempt {
  explicit Attempt(const asio::any_io_executor& executor)
      : resolver(executor), socket(executor), deadline(executor, kPostLimit) {}
  void call_off() {
    over = true;
    boost::system::error_code ignored;
    resolver.cancel();
    socket.close(ignored);
    if (stream) stream->close();
  }
  tcp::resolver resolver;
  tcp::socket socket;
  asio::steady_timer deadline;
  std::unique_ptr<ByteStream> stream;
  bool over = false;
};

HttpClient::HttpClient(const Url& url, std::string_view behind, const ClientTls& tls,
                       const std::string& table)
    : url_(url), target_(url.target(behind)) {
  if (url.tls) tls_.emplace(tls, table);
}

asio::awaitable<HttpAnswer> HttpClient::post(std::string content_type, std::string body) {
  const auto attempt = std::make_shared<Attempt>(co_await asio::this_coro::executor);
  attempt->deadline.async_wait([weak = std::weak_ptr(attempt)](const auto& cancelled) {
    const auto late = weak.lock();
    if (late && !cancelled) late->call_off();
  });
  std::string head = "POST " + target_ + " HTTP/1.1\r\nHost: " + authority(url_) +
                     "\r\nUser-Agent: steled\r\nConnection: close\r\n"
                     "Content-Type: " +
                     content_type + "\r\nContent-Length: " + std::to_string(body.size()) +
                     "\r\n\r\n";
  HttpAnswer answer = co_await exchange(attempt, std::move(head), std::move(body));
  if (attempt->over && answer.status == 0) {
    answer.failure = "no answer within " + std::to_string(kPostLimit.count()) + " s";
  }
  attempt->deadline.cancel();
  attempt->call_off();
  co_return answer;
}

asio::awaitable<HttpAnswer> HttpClient::exchange(std::shared_ptr<Attempt> attempt, std::string head,
                                                 std::string body) {
  const auto wait = asio::as_tuple(asio::use_awaitable);
  const auto [unknown, endpoints] =
      co_await attempt->resolver.async_resolve(url_.host, std::to_string(url_.port), wait);
  if (unknown || attempt->over) co_return failed("the name " + url_.host, unknown);
  const auto [unreached, endpoint] = co_await asio::async_connect(attempt->socket, endpoints, wait);
  if (unreached || attempt->over) co_return failed("connecting to " + authority(url_), unreached);
  AnySocket socket(std::move(attempt->socket));
  attempt->stream = tls_ ? tls_->over(std::move(socket), url_.host)
                         : std::make_unique<PlainStream>(std::move(socket), nullptr);
  ByteStream& stream = *attempt->stream;
  if (const auto error = co_await stream.begin()) co_return failed("TLS", error);
  head += body;
  // A server may answer before it has read all: what it says counts, not that we could not end.
  const auto unwritten = co_await stream.write(asio::buffer(head));
  http::response_parser<http::string_body> parser;
  parser.header_limit(kMaxAnswerHeaderBytes);
  parser.body_limit(kMaxAnswerBytes);
  parser.eager(true);
  std::string received;
  std::array<char, kReplyStepBytes> step;
  while (!parser.is_done()) {
    const auto [error, count] = co_await stream.read_some(asio::buffer(step));
    received.append(step.data(), count);
    boost::system::error_code bad;
    if (count > 0) {
      const std::size_t used = parser.put(asio::buffer(received), bad);
      received.erase(0, used);
      if (bad && bad != http::error::need_more) co_return failed("its answer", bad);
      if (received.size() > kMaxAnswerBytes)
        co_return failed("its answer", http::error::body_limit);
    }
    if (!error || parser.is_done()) continue;
    if (parser.got_some()) parser.put_eof(bad);
    if (!parser.is_done() || bad) {
      co_return failed("the connection to " + authority(url_), unwritten ? unwritten : error);
    }
  }
  HttpAnswer answer;
  answer.status = parser.get().result_int();
  answer.content_type = std::string(parser.get()[http::field::content_type]);
  answer.body = std::move(parser.get().body());
  co_return answer;
}

}  // namespace stele::daemon
