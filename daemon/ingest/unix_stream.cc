#include "daemon/ingest/unix_stream.h"

#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>

#include "daemon/ingest/connection.h"
#include "daemon/ingest/places.h"
#include "daemon/ingest/stream_server.h"

namespace stele::daemon {

namespace asio = boost::asio;

struct UnixStream::Shared {
  Shared(const Config& config, const asio::any_io_executor& executor, Sequencer& sequencer,
         std::optional<int> passed)
      : listener(passed ? UnixListener(executor, *passed)
                        : UnixListener(executor, config.listen_unix,
                                       static_cast<mode_t>(config.listen_unix_mode))),
        max_connections(config.max_connections),
        max_connections_per_user(config.max_connections_per_address),
        evict_after(config.evict_after),
        places(config.max_connections_per_address),
        long_events(std::make_shared<LongEvents>(executor, config)),
        ingest(std::make_shared<IngestShared>(sequencer, config.max_event_bytes)),
        server(std::make_shared<StreamServer<IngestConnection>>(
            ingest, [this](UnixStreamSocket socket) { return admit(std::move(socket)); })) {
    long_events->relieve = [this](const std::string& who_waits) { relieve(who_waits); };
  }
  ~Shared() {
    long_events->relieve = [](const std::string&) {};
  }

  std::shared_ptr<IngestConnection> admit(UnixStreamSocket socket);
  void relieve(const std::string& who_waits);

  UnixListener listener;
  const std::size_t max_connections;
  const std::size_t max_connections_per_user;
  const std::chrono::milliseconds evict_after;
  Places<uid_t> places;
  std::shared_ptr<LongEvents> long_events;
  std::shared_ptr<IngestShared> ingest;
  std::shared_ptr<StreamServer<IngestConnection>> server;
};

std::shared_ptr<IngestConnection> UnixStream::Shared::admit(UnixStreamSocket socket) {
  const uid_t user = peer_of(socket).uid;
  // Who could end the daemon need not be kept from its door.
  const bool counted = user != 0 && user != ::geteuid();
  const bool own_taken = counted && places.taken(user) >= max_connections_per_user;
  if (!server->make_room(user, own_taken, max_connections, evict_after)) {
    const std::string which = own_taken ? "limits.max_connections_per_address are open from "
                                        : "limits.max_connections are open";
    server->count_turned_away(own_taken ? which + "uid " + std::to_string(user) : which);
    turn_away(socket, "too_many_connections",
              which + (own_taken ? "this user" : "") + ": try again later");
    return nullptr;
  }
  Place place = counted ? places.take(user) : nullptr;
  return std::make_shared<IngestConnection>(std::move(socket), ingest, long_events,
                                            std::move(place));
}

void UnixStream::Shared::relieve(const std::string& who_waits) {
  std::shared_ptr<IngestConnection> first;
  std::pair<std::uint64_t, std::chrono::steady_clock::duration> rank;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& one : server->connections()) {
    const auto since = one->stalled_since();
    if (!since || now - *since < long_events->patience(one->user(), who_waits)) continue;
    const std::pair next(long_events->turns_of(one->user()), now - *since);
    if (first && next <= rank) continue;
    first = one;
    rank = next;
  }
  if (first) first->end("others wait for a long event's turn (limits.unfinished_bytes)");
}

UnixStream::UnixStream(const Config& config, asio::any_io_executor executor, Sequencer& sequencer,
                       std::optional<int> passed)
    : shared_(std::make_shared<Shared>(config, executor, sequencer, passed)) {
  shared_->server->serve(shared_->listener.acceptor(), shared_);
}

UnixStream::~UnixStream() {
  close();
}

void UnixStream::sealed(std::uint64_t size) {
  shared_->server->sealed(size);
}

void UnixStream::stop() {
  shared_->listener.close();
  shared_->server->stop();
}

bool UnixStream::read_out() const {
  return shared_->server->read_out();
}

void UnixStream::close() {
  shared_->listener.close();
  shared_->server->close();
}

InputCounters UnixStream::counters() const {
  return shared_->server->counters();
}

}  // namespace stele::daemon
