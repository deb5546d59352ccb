// A stream server: accepts connections of one kind, counts them, keeps them until they end.
//
// Connection has a Socket, and start(ended), sealed(), stop(), read_out(), close(); and, to give way
// to a new one (daemon/give_way.h), peer(), gave_way(), standing(least), all_read(), give_way().
// `admit` makes one of an accepted socket; null: it was turned away. Every connection reads once,
// then waits for its turn behind all others that have something: none is faster than its neighbours.
// Thread safety: one executor on one thread; the counts from any. Errors: of accepting are logged,
// and accepting goes on.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "daemon/give_way.h"
#include "daemon/ingest/input.h"
#include "daemon/ingest/intake.h"
#include "daemon/log.h"
#include "daemon/must_go_on.h"

namespace stele::daemon {

template <class Connection>
class StreamServer : public std::enable_shared_from_this<StreamServer<Connection>> {
 public:
  using Socket = typename Connection::Socket;
  using Acceptor = boost::asio::basic_socket_acceptor<typename Socket::protocol_type>;
  using Admit = std::function<std::shared_ptr<Connection>(Socket)>;

  StreamServer(std::shared_ptr<IngestShared> ingest, Admit admit)
      : ingest_(std::move(ingest)), admit_(std::move(admit)) {}

  // owner: of the acceptor and of what `admit` uses; kept until the acceptor is closed.
  void serve(Acceptor& acceptor, std::shared_ptr<const void> owner) {
    boost::asio::co_spawn(
        acceptor.get_executor(),
        [self = this->shared_from_this(), &acceptor, owner = std::move(owner)] {
          return self->accept(acceptor);
        },
        must_go_on);
  }
  void sealed(std::uint64_t size) {
    ingest_->sealed_size = size;
    for (const auto& connection : connections_) connection->sealed();
  }
  // The acceptors are closed.
  void stop() {
    ingest_->stopping = true;
    for (const auto& connection : connections_) connection->stop();
  }
  bool read_out() const {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const auto& connection) { return connection->read_out(); });
  }
  void close() {
    const auto open = connections_;  // closing lets them go, one by one
    for (const auto& connection : open) connection->close();
  }
  const std::set<std::shared_ptr<Connection>>& connections() const { return connections_; }
  // Why it is turned away is logged for the first one only: there may be thousands.
  void count_turned_away(std::string_view why) {
    if (turned_away_++ == 0) {
      log(Priority::warning, "connections are turned away: " + std::string(why));
    }
  }
  // Whether there is one of so many places for a newcomer of this peer. Where there is none, or the
  // peer has all of its own, one that has been silent for so long gives way to him.
  template <class Peer>
  bool make_room(const Peer& newcomer, bool own_taken, std::size_t places,
                 std::chrono::milliseconds silent_for) {
    if (connections_.size() < places && !own_taken) return true;
    const auto crowd = crowd_of<Peer>(
        connections_, [](const Connection& connection) { return connection.gave_way(); });
    if (crowd.open < places && !own_taken) return true;
    if (crowd.leaving >= kMaxLeaving) return false;
    const auto first = first_to_go(
        connections_, crowd, newcomer, own_taken ? Whose::his : Whose::any,
        [&](const Connection& connection) { return connection.standing(silent_for); },
        [](const Connection& connection) { return connection.all_read(); });
    if (!first) return false;
    first->give_way();
    ++evicted_;
    return true;
  }
  InputCounters counters() const {
    return {open_,           accepted_,        turned_away_,
            ingest_->events, ingest_->refused, ingest_->dropped,
            ingest_->bytes,  evicted_};
  }

 private:
  boost::asio::awaitable<void> accept(Acceptor& acceptor) {
    namespace asio = boost::asio;
    while (acceptor.is_open()) {
      auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
      if (!error) {
        take(std::move(socket));
      } else if (acceptor.is_open()) {
        // Out of descriptors or memory: those who are connected go on, the next one waits.
        log(Priority::error, "cannot accept a connection: " + error.message());
        asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::use_awaitable);
      }
    }
  }

  void take(Socket socket) {
    const std::shared_ptr<Connection> connection = admit_(std::move(socket));
    if (!connection) return;
    connections_.insert(connection);
    ++accepted_;
    open_ = connections_.size();
    connection->start([self = this->shared_from_this(), connection] {
      self->connections_.erase(connection);
      self->open_ = self->connections_.size();
    });
  }

  std::shared_ptr<IngestShared> ingest_;
  Admit admit_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::atomic<std::uint64_t> open_{0};
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> turned_away_{0};
  std::atomic<std::uint64_t> evicted_{0};
};

}  // namespace stele::daemon
