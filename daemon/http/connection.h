// One HTTP/1.1 connection: its requests, one after another, each within the limits, and their
// replies.
//
//   read the header → route, role, length: refused before the body is asked for → 100 Continue
//   → body → handler → reply → the next, until somebody wants the end
//
// Lives until then, or until close(). Beast parses; what it takes is limited here: kMaxHeaderBytes,
// the route's body, the buffers of all connections, http.receive_time for a request as a whole.
// Pipelined requests wait unread. Thread safety: one executor on one thread.
// Errors: end the connection, with a problem where the client can still read one.
// Trust: the bytes come from whoever may connect.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "daemon/give_way.h"
#include "daemon/http/body_room.h"
#include "daemon/http/byte_stream.h"
#include "daemon/http/routes.h"

namespace stele::daemon {

constexpr std::size_t kMaxHeaderBytes = 16u << 10;

// What all connections share.
struct HttpShared {
  const RouteTable* routes = nullptr;
  std::chrono::milliseconds receive_time{};
  BodyBuffers buffers;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refusals{0};  // replies from 400 on
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // peer: whose places it takes; an address, or a user of this machine.
  HttpConnection(std::unique_ptr<ByteStream> stream, std::shared_ptr<HttpShared> shared,
                 boost::asio::any_io_executor executor, std::string peer);
  void start(std::function<void()> ended);
  void stop();  // a request under way is finished, then it ends
  void close();
  const std::string& peer() const { return peer_; }
  bool closed() const { return closed_; }
  // Of giving way to a new one, but for its peer's places. Silent since the time began that it has
  // for what it waits for: a handshake, a request, the rest of one, that its reply is taken.
  Standing standing() const;

 private:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  struct Exchange;

  awaitable<void> serve();
  awaitable<bool> serve_one();  // false: the connection has come to its end
  awaitable<bool> receive_header(Exchange& exchange);
  awaitable<bool> receive_body(Exchange& exchange);
  awaitable<bool> parse(Exchange& exchange);
  awaitable<bool> fill();
  bool judge_header(Exchange& exchange);
  awaitable<void> answer(Exchange& exchange);
  awaitable<bool> reply(const Exchange& exchange, const HttpReply& reply, bool last);
  awaitable<bool> reply_pieces(const HttpReply& reply, bool chunked);
  awaitable<void> linger();
  awaitable<void> watch();
  void allow(std::chrono::milliseconds time);

  std::unique_ptr<ByteStream> stream_;
  std::shared_ptr<HttpShared> shared_;
  boost::asio::steady_timer deadline_;
  attest::Bytes received_;  // not yet parsed
  bool idle_ = true;        // between two requests
  const std::string peer_;
  bool awaits_client_ = true;  // for a handshake, a request or the rest of one
  bool heard_ = false;         // a whole request
  bool out_of_time_ = false;
  bool closed_ = false;
};

}  // namespace stele::daemon
