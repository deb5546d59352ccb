#include "daemon/control.h"

#include <unistd.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <set>

#include "daemon/control_session.h"
#include "daemon/log.h"
#include "daemon/must_go_on.h"
#include "daemon/unix_socket.h"

namespace stele::daemon {

namespace asio = boost::asio;

namespace {
constexpr std::size_t kMaxControlConnections = 64;
constexpr std::chrono::milliseconds kAcceptPause{100};
}

struct Control::Listening : std::enable_shared_from_this<Control::Listening> {
  Listening(ControlledDaemon daemon_, const asio::any_io_executor& executor,
            std::optional<int> passed)
      : daemon(daemon_),
        listener(passed ? UnixListener(executor, *passed)
                        : UnixListener(executor, daemon.config.control_unix, 0600)) {}

  asio::awaitable<void> accept();
  asio::awaitable<void> serve(std::shared_ptr<UnixStreamSocket> socket);

  ControlledDaemon daemon;
  UnixListener listener;
  RefusalLedger ledger;
  std::size_t open = 0;
  std::atomic<std::size_t> answering{0};
};

Control::Control(ControlledDaemon daemon, asio::any_io_executor executor, std::optional<int> passed)
    : listening_(std::make_shared<Listening>(daemon, executor, passed)) {
  asio::co_spawn(
      executor, [self = listening_] { return self->accept(); }, must_go_on);
}

Control::~Control() {
  stop();
}

void Control::stop() {
  listening_->listener.close();
}

std::size_t Control::answering() const {
  return listening_->answering;
}

asio::awaitable<void> Control::Listening::accept() {
  const auto self = shared_from_this();
  while (listener.acceptor().is_open()) {
    auto [error, socket] =
        co_await listener.acceptor().async_accept(asio::as_tuple(asio::use_awaitable));
    if (error) {
      if (!listener.acceptor().is_open()) continue;
      // Out of descriptors or memory: the next one waits.
      log(Priority::error, "cannot accept a connection to the control socket: " + error.message());
      asio::steady_timer pause(listener.acceptor().get_executor(), kAcceptPause);
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    const auto shared = std::make_shared<UnixStreamSocket>(std::move(socket));
    ++open;
    asio::co_spawn(
        shared->get_executor(), [self, shared] { return self->serve(shared); },
        [self](const std::exception_ptr&) { --self->open; });
  }
}

// One request after another; whoever may not ask is told so once.
asio::awaitable<void> Control::Listening::serve(std::shared_ptr<UnixStreamSocket> socket) {
  const Peer peer = peer_of(*socket);
  std::string refusal;
  if (peer.uid != 0 && peer.uid != ::geteuid()) {
    refusal = refusal_line(77, "only root and the daemon's own user may ask");
  } else if (open > kMaxControlConnections) {
    refusal = refusal_line(75, "too many control connections are open: try again later");
  }
  if (!refusal.empty()) {
    co_await asio::async_write(*socket, asio::buffer(refusal), asio::as_tuple(asio::use_awaitable));
    co_return;
  }
  ControlSession session(daemon, peer, *socket, ledger, answering);
  std::string received;
  for (;;) {
    const auto [error, length] =
        co_await asio::async_read_until(*socket, asio::dynamic_buffer(received, kMaxRequestBytes),
                                        '\n', asio::as_tuple(asio::use_awaitable));
    if (error) break;
    const std::string line = received.substr(0, length - 1);
    received.erase(0, length);
    ++answering;
    const bool answered = co_await session.answer(line);
    --answering;
    if (!answered) break;
  }
  co_await session.end();
}

}  // namespace stele::daemon
