#include "daemon/ingest/unix_stream.h"

#include <utility>

#include "daemon/ingest/connection.h"
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
        ingest(std::make_shared<IngestShared>(sequencer, config.max_event_bytes, kReadBytes)),
        server(std::make_shared<StreamServer<IngestConnection>>(
            ingest, [this](UnixStreamSocket socket) { return admit(std::move(socket)); })) {}

  std::shared_ptr<IngestConnection> admit(UnixStreamSocket socket);

  UnixListener listener;
  const std::size_t max_connections;
  std::shared_ptr<IngestShared> ingest;
  std::shared_ptr<StreamServer<IngestConnection>> server;
};

std::shared_ptr<IngestConnection> UnixStream::Shared::admit(UnixStreamSocket socket) {
  if (server->connections().size() >= max_connections) {
    server->count_turned_away("limits.max_connections are open");
    turn_away(socket, "too_many_connections", "limits.max_connections are open: try again later");
    return nullptr;
  }
  return std::make_shared<IngestConnection>(std::move(socket), ingest);
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
