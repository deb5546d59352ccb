#include "daemon/ingest/unix_stream.h"

#include <unistd.h>

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
        places(config.max_connections_per_address),
        unfinished(std::make_shared<Unfinished>(config.unfinished_bytes)),
        ingest(std::make_shared<IngestShared>(sequencer, config.max_event_bytes, kReadBytes)),
        server(std::make_shared<StreamServer<IngestConnection>>(
            ingest, [this](UnixStreamSocket socket) { return admit(std::move(socket)); })) {
    unfinished->relieve = [this] { relieve(); };
  }
  ~Shared() {
    unfinished->relieve = [] {};
  }

  std::shared_ptr<IngestConnection> admit(UnixStreamSocket socket);
  void relieve();

  UnixListener listener;
  const std::size_t max_connections;
  Places<uid_t> places;
  std::shared_ptr<Unfinished> unfinished;
  std::shared_ptr<IngestShared> ingest;
  std::shared_ptr<StreamServer<IngestConnection>> server;
};

std::shared_ptr<IngestConnection> UnixStream::Shared::admit(UnixStreamSocket socket) {
  if (server->connections().size() >= max_connections) {
    server->count_turned_away("limits.max_connections are open");
    turn_away(socket, "too_many_connections", "limits.max_connections are open: try again later");
    return nullptr;
  }
  Place place;
  const uid_t user = peer_of(socket).uid;
  if (user != 0 && user != ::geteuid()) {  // who could end the daemon need not be kept from its door
    place = places.take(user);
    if (!place) {
      server->count_turned_away("limits.max_connections_per_address are open from uid " +
                                std::to_string(user));
      turn_away(socket, "too_many_connections",
                "limits.max_connections_per_address are open from this user: try again later");
      return nullptr;
    }
  }
  return std::make_shared<IngestConnection>(std::move(socket), ingest, unfinished,
                                            std::move(place));
}

void UnixStream::Shared::relieve() {
  std::shared_ptr<IngestConnection> longest;
  for (const auto& one : server->connections()) {
    if (one->unfinished_bytes() == 0) continue;
    if (!longest || one->unfinished_since() < longest->unfinished_since()) longest = one;
  }
  if (longest) longest->end("more than limits.unfinished_bytes are unfinished events");
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
