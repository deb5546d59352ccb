#include "daemon/ingest/unix_stream.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>
#include <utility>

#include "daemon/ingest/connection.h"
#include "daemon/log.h"

namespace stele::daemon {

namespace asio = boost::asio;

struct UnixStream::Shared : std::enable_shared_from_this<UnixStream::Shared> {
  Shared(const Config& config, asio::any_io_executor executor_, Sequencer& sequencer)
      : executor(executor_),
        listener(executor_, config.listen_unix, static_cast<mode_t>(config.listen_unix_mode)),
        max_connections(config.max_connections),
        ingest(std::make_shared<IngestShared>(sequencer, config.max_event_bytes)) {}

  asio::awaitable<void> accept();
  void take(UnixStreamSocket socket);

  asio::any_io_executor executor;
  UnixListener listener;
  const std::size_t max_connections;
  std::shared_ptr<IngestShared> ingest;
  std::set<std::shared_ptr<IngestConnection>> connections;
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> turned_away{0};
};

UnixStream::UnixStream(const Config& config, asio::any_io_executor executor, Sequencer& sequencer)
    : shared_(std::make_shared<Shared>(config, executor, sequencer)) {
  asio::co_spawn(
      executor, [shared = shared_] { return shared->accept(); }, asio::detached);
}

UnixStream::~UnixStream() {
  close();
}

void UnixStream::sealed(std::uint64_t size) {
  shared_->ingest->sealed_size = size;
  for (const auto& connection : shared_->connections) connection->sealed();
}

void UnixStream::stop() {
  shared_->listener.close();
  shared_->ingest->stopping = true;
  for (const auto& connection : shared_->connections) connection->stop();
}

bool UnixStream::read_out() const {
  return std::all_of(shared_->connections.begin(), shared_->connections.end(),
                     [](const auto& connection) { return connection->read_out(); });
}

void UnixStream::close() {
  shared_->listener.close();
  const auto open = shared_->connections;  // closing lets them go, one by one
  for (const auto& connection : open) connection->close();
}

InputCounters UnixStream::counters() const {
  return {shared_->open, shared_->accepted, shared_->turned_away, shared_->ingest->events,
          shared_->ingest->refused, 0};
}

asio::awaitable<void> UnixStream::Shared::accept() {
  const auto self = shared_from_this();  // outlives the listener's owner
  while (listener.acceptor().is_open()) {
    auto [error, socket] =
        co_await listener.acceptor().async_accept(asio::as_tuple(asio::use_awaitable));
    if (!error) {
      take(std::move(socket));
    } else if (listener.acceptor().is_open()) {
      // Out of descriptors or memory: those who are connected go on, the next one waits.
      log(Priority::error, "cannot accept a connection: " + error.message());
      asio::steady_timer pause(executor, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::use_awaitable);
    }
  }
}

void UnixStream::Shared::take(UnixStreamSocket socket) {
  if (connections.size() >= max_connections) {
    if (turned_away++ == 0) {
      log(Priority::warning, "connections are turned away: limits.max_connections are open");
    }
    turn_away(socket, "too_many_connections", "limits.max_connections are open: try again later");
    return;
  }
  const auto connection = std::make_shared<IngestConnection>(std::move(socket), ingest);
  connections.insert(connection);
  ++accepted;
  open = connections.size();
  connection->start([self = shared_from_this(), connection] {
    self->connections.erase(connection);
    self->open = self->connections.size();
  });
}

}  // namespace stele::daemon
