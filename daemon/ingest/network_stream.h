// A network input of streams: acceptors, connections, the places of each address, and the clock
// that ends the silent ones.
//
// Stream is the connections' (network_connection.h); `wrap` makes one of an accepted socket.
// Thread safety and errors: as Input.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "daemon/ingest/input.h"
#include "daemon/ingest/network_connection.h"
#include "daemon/ingest/network_sockets.h"
#include "daemon/ingest/stream_server.h"
#include "daemon/must_go_on.h"

namespace stele::daemon {

constexpr auto kNetworkTick = std::chrono::milliseconds(250);

template <class Stream>
class NetworkStream : public Input {
 public:
  using Connection = NetworkConnection<Stream>;
  using Socket = boost::asio::ip::tcp::socket;
  using Acceptor = boost::asio::ip::tcp::acceptor;
  using Wrap = std::function<Stream(Socket)>;

  NetworkStream(std::shared_ptr<NetworkShared> network, std::deque<Acceptor> acceptors, Wrap wrap)
      : shared_(
            std::make_shared<Shared>(std::move(network), std::move(acceptors), std::move(wrap))) {
    for (Acceptor& acceptor : shared_->acceptors) shared_->server->serve(acceptor, shared_);
    boost::asio::co_spawn(
        shared_->clock.get_executor(), [shared = shared_] { return shared->tick(); }, must_go_on);
  }
  ~NetworkStream() override { close(); }

  void sealed(std::uint64_t) override {}
  void stop() override {
    shared_->close_acceptors();
    shared_->server->stop();
  }
  bool read_out() const override { return shared_->server->read_out(); }
  void close() override {
    shared_->close_acceptors();
    shared_->server->close();
    shared_->clock.cancel();
    shared_->ended = true;
  }
  InputCounters counters() const override { return shared_->server->counters(); }
  std::uint16_t port(std::size_t acceptor = 0) const {
    return shared_->acceptors[acceptor].local_endpoint().port();
  }

 private:
  struct Shared {
    Shared(std::shared_ptr<NetworkShared> network_, std::deque<Acceptor> acceptors_, Wrap wrap_)
        : network(std::move(network_)),
          acceptors(std::move(acceptors_)),
          wrap(std::move(wrap_)),
          clock(acceptors.front().get_executor()),
          server(std::make_shared<StreamServer<Connection>>(
              network->ingest, [this](Socket socket) { return admit(std::move(socket)); })) {
      network->long_events->relieve = [this](const std::string& who) { relieve(who); };
      network->refused = [this] { server->count_turned_away("they are not those who may send"); };
    }
    ~Shared() {
      network->long_events->relieve = [](const std::string&) {};
      network->refused = [] {};
    }

    std::shared_ptr<Connection> admit(Socket socket) {
      boost::system::error_code gone;
      const auto peer = socket.remote_endpoint(gone);
      if (gone) return nullptr;
      const auto from = plain(peer.address());
      if (!make_room(from)) return nullptr;
      Place place = network->places.take(from);
      keep_alive(socket);
      return std::make_shared<Connection>(wrap(std::move(socket)), network, from,
                                          std::move(place));
    }

    // Whether there is a place for one more from there.
    bool make_room(const boost::asio::ip::address& from) {
      const NetworkLimits& limits = network->limits;
      const bool own_taken = network->places.taken(from) >= limits.connections_per_address;
      if (server->make_room(from, own_taken, limits.connections, limits.evict_after)) return true;
      server->count_turned_away(own_taken
                                    ? "limits.max_connections_per_address are open from " +
                                          from.to_string()
                                    : std::string("limits.max_connections are open"));
      return false;
    }

    void relieve(const std::string& who_waits) {
      const LongEvents& turns = *network->long_events;
      std::shared_ptr<Connection> first;
      std::pair<std::uint64_t, std::chrono::nanoseconds> rank;
      for (const auto& one : server->connections()) {
        const std::string sender = one->peer().to_string();
        const auto standing = one->standing(turns.patience(sender, who_waits));
        if (!one->has_turn() || !standing || !one->all_read()) continue;
        const std::pair next(turns.turns_of(sender), standing->silent_for);
        if (first && next <= rank) continue;
        first = one;
        rank = next;
      }
      if (first) first->end("others wait for a long event's turn (limits.unfinished_bytes)");
    }

    boost::asio::awaitable<void> tick() {
      auto before = std::chrono::steady_clock::now();
      while (!ended) {
        clock.expires_after(kNetworkTick);
        co_await clock.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        const auto now = std::chrono::steady_clock::now();
        // A machine that slept, or a daemon that was stopped, is no silence of the senders.
        const auto since =
            std::min<std::chrono::steady_clock::duration>(now - before, 2 * kNetworkTick);
        before = now;
        for (const auto& one : server->connections()) {
          one->tick(std::chrono::duration_cast<std::chrono::milliseconds>(since));
        }
      }
    }

    void close_acceptors() {
      boost::system::error_code ignored;
      for (Acceptor& acceptor : acceptors) acceptor.close(ignored);
    }

    std::shared_ptr<NetworkShared> network;
    std::deque<Acceptor> acceptors;
    Wrap wrap;
    boost::asio::steady_timer clock;
    std::shared_ptr<StreamServer<Connection>> server;
    bool ended = false;
  };

  std::shared_ptr<Shared> shared_;
};

}  // namespace stele::daemon
