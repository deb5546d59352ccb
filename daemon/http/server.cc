#include "daemon/http/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <future>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "daemon/confinement.h"
#include "daemon/give_way.h"
#include "daemon/http/anchors.h"
#include "daemon/http/challenge.h"
#include "daemon/http/connection.h"
#include "daemon/http/enrolment.h"
#include "daemon/http/events.h"
#include "daemon/http/monitoring.h"
#include "daemon/http/plain_stream.h"
#include "daemon/http/records.h"
#include "daemon/http/tiles.h"
#include "daemon/http/tls_stream.h"
#include "daemon/http/witness.h"
#include "daemon/http_address.h"
#include "daemon/ingest/complaints.h"
#include "daemon/log.h"
#include "daemon/must_go_on.h"
#include "daemon/unix_socket.h"

namespace stele::daemon {

namespace asio = boost::asio;
using asio::ip::tcp;

struct HttpServer::State {
  State(const ControlledDaemon& daemon_, const std::vector<int>& passed);
  ~State();
  void listen(const HttpAddress& address);
  void listen_passed(int socket);
  void serve();
  asio::awaitable<void> accept(tcp::acceptor& acceptor);
  asio::awaitable<void> accept(asio::local::stream_protocol::acceptor& acceptor);
  asio::awaitable<void> pause(const boost::system::error_code& error);
  std::unique_ptr<ByteStream> identify(tcp::socket socket);
  std::unique_ptr<ByteStream> identify(UnixStreamSocket socket);
  void take(std::unique_ptr<ByteStream> stream, std::string peer);
  bool make_room(const std::string& peer);
  void end_all(bool at_once);

  const ControlledDaemon daemon;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::optional<Tls> tls;
  RouteTable routes;
  std::shared_ptr<EventIntake> intake;
  std::optional<WitnessService> witness;  // where logs are witnessed
  std::shared_ptr<HttpShared> shared = std::make_shared<HttpShared>();
  std::vector<std::unique_ptr<tcp::acceptor>> tcp_acceptors;
  std::vector<std::unique_ptr<UnixListener>> unix_listeners;
  std::set<std::shared_ptr<HttpConnection>> connections;
  Complaints complaints;
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> turned_away{0};
  std::atomic<std::uint64_t> evicted{0};
  std::atomic<bool> stopped{false};
  asio::thread_pool reader{1};  // files are read here: who sends events does not wait for a disk
  std::thread thread;
};

HttpServer::State::State(const ControlledDaemon& daemon_, const std::vector<int>& passed)
    : daemon(daemon_) {
  const Config& config = daemon.config;
  if (!config.http_certificate.empty()) tls.emplace(config);
  shared->routes = &routes;
  shared->receive_time = config.http_receive_time;
  shared->buffers.limit = config.http_buffer_bytes;
  intake = std::make_shared<EventIntake>(config, context.get_executor(), daemon.sequencer);
  routes.add({"POST",
              "/v1/events",
              {Role::writer},
              config.http_max_body_bytes,
              [this](HttpRequest& request) { return intake->take(request); }});
  if (!config.witnessed_logs.empty()) {
    witness.emplace(config, daemon.signer);
    routes.add({"POST",
                "/add-checkpoint",
                {Role::log},
                attest::kMaxAddCheckpointBytes,
                [this](HttpRequest& request) -> asio::awaitable<HttpReply> {
                  co_return witness->add_checkpoint(request);
                }});
  }
  add_monitoring_routes(routes, daemon, [this](MetricFacts& facts) {
    facts.http_requests = shared->requests;
    facts.http_refusals = shared->refusals;
    facts.http_repeated = intake->repeated;
    if (!witness) return;
    facts.witnessed = {{"cosigned", witness->cosigned},
                       {"refused", witness->refused},
                       {"equivocation", witness->equivocations}};
  });
  const auto ledger = std::make_shared<RefusalLedger>();
  add_enrolment_routes(routes, daemon, ledger);
  add_anchor_routes(routes, daemon, reader.get_executor());
  add_challenge_route(routes, daemon, reader.get_executor(), ledger);
  add_record_routes(routes, daemon, reader.get_executor());
  add_tile_routes(routes, daemon, reader.get_executor());
  for (const std::string& text : config.http_addresses) listen(*parse_http_address(text));
  for (const int socket : passed) listen_passed(socket);
}

void HttpServer::State::serve() {
  thread = std::thread([this] {
    // Whether it can be is the same for all threads, and told by the one that hears senders.
    (void)confine_thread(reach_of_http(daemon.config.data, {}));
    context.run();
  });
}

HttpServer::State::~State() {
  reader.stop();
  reader.join();
  context.stop();
  if (thread.joinable()) thread.join();
}

void HttpServer::State::listen(const HttpAddress& address) {
  if (address.is_unix) {
    const auto mode = static_cast<mode_t>(daemon.config.http_socket_mode);
    unix_listeners.push_back(
        std::make_unique<UnixListener>(context.get_executor(), address.host, mode));
    asio::co_spawn(context, accept(unix_listeners.back()->acceptor()), must_go_on);
    return;
  }
  const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
  auto acceptor = std::make_unique<tcp::acceptor>(context);
  boost::system::error_code failed;
  acceptor->open(endpoint.protocol(), failed);
  if (!failed) acceptor->set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor->bind(endpoint, failed);
  if (!failed) acceptor->listen(asio::socket_base::max_listen_connections, failed);
  const std::string name = address.host + ":" + std::to_string(address.port);
  if (failed) {
    throw std::system_error(failed.value(), std::generic_category(),
                            "http.addresses: " + name + " cannot be had");
  }
  log(Priority::info, "http" + std::string(tls ? "s" : "") + ": listening on " + address.host +
                          " port " + std::to_string(acceptor->local_endpoint().port()));
  tcp_acceptors.push_back(std::move(acceptor));
  asio::co_spawn(context, accept(*tcp_acceptors.back()), must_go_on);
}

// One that the service manager opened; what holds for a configured address holds for it.
void HttpServer::State::listen_passed(int socket) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length) != 0) {
    throw std::system_error(errno, std::generic_category(), "the passed socket http");
  }
  if (name.ss_family == AF_UNIX) {
    unix_listeners.push_back(std::make_unique<UnixListener>(context.get_executor(), socket));
    asio::co_spawn(context, accept(unix_listeners.back()->acceptor()), must_go_on);
    return;
  }
  const auto protocol = name.ss_family == AF_INET6 ? tcp::v6() : tcp::v4();
  auto acceptor = std::make_unique<tcp::acceptor>(context, protocol, socket);
  const tcp::endpoint endpoint = acceptor->local_endpoint();
  if (!tls && !endpoint.address().is_loopback()) {
    throw ConfigError("the passed socket http is on " + endpoint.address().to_string() +
                      ", and not on loopback: give http.certificate, http.key and http.client_ca");
  }
  log(Priority::info, "http" + std::string(tls ? "s" : "") + ": a passed socket on port " +
                          std::to_string(endpoint.port()));
  tcp_acceptors.push_back(std::move(acceptor));
  asio::co_spawn(context, accept(*tcp_acceptors.back()), must_go_on);
}

asio::awaitable<void> HttpServer::State::accept(tcp::acceptor& acceptor) {
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (!error) {
      boost::system::error_code gone;
      std::string peer = socket.remote_endpoint(gone).address().to_string();
      take(identify(std::move(socket)), std::move(peer));
    } else if (acceptor.is_open()) {
      co_await pause(error);
    }
  }
}

asio::awaitable<void> HttpServer::State::accept(asio::local::stream_protocol::acceptor& acceptor) {
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (!error) {
      std::string peer = "uid:" + std::to_string(peer_of(socket).uid);
      take(identify(std::move(socket)), std::move(peer));
    } else if (acceptor.is_open()) {
      co_await pause(error);
    }
  }
}

// Out of descriptors or memory: those who are connected go on, the next one waits.
asio::awaitable<void> HttpServer::State::pause(const boost::system::error_code& error) {
  log(Priority::error, "http: cannot accept a connection: " + error.message());
  asio::steady_timer timer(context, std::chrono::milliseconds(100));
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

// Null: gone already. The port is left out: it would make a sender of each connection.
std::unique_ptr<ByteStream> HttpServer::State::identify(tcp::socket socket) {
  boost::system::error_code gone;
  const std::string address = socket.remote_endpoint(gone).address().to_string();
  if (gone) return nullptr;
  socket.set_option(tcp::no_delay(true), gone);
  if (tls) return tls->over(AnySocket(std::move(socket)), address);
  auto caller = std::make_shared<Caller>();
  caller->source = R"({"address":")" + address + R"(","transport":"http"})";
  caller->name = "plain";
  caller->roles = plain_roles(daemon.config);
  return std::make_unique<PlainStream>(AnySocket(std::move(socket)), std::move(caller));
}

std::unique_ptr<ByteStream> HttpServer::State::identify(UnixStreamSocket socket) {
  const Peer peer = peer_of(socket);
  auto caller = std::make_shared<Caller>();
  caller->source = R"({"gid":)" + std::to_string(peer.gid) + R"(,"pid":)" +
                   std::to_string(peer.pid) + R"(,"transport":"http+unix","uid":)" +
                   std::to_string(peer.uid) + "}";
  caller->name = "uid:" + std::to_string(peer.uid);
  const bool ours = peer.uid == 0 || peer.uid == ::geteuid();
  caller->roles = ours ? RoleSet::all() : plain_roles(daemon.config);
  return std::make_unique<PlainStream>(AnySocket(std::move(socket)), std::move(caller));
}

// No peer keeps the others out (daemon/give_way.h). One that is being answered gives way only if
// its peer has more than half of all.
bool HttpServer::State::make_room(const std::string& peer) {
  const std::size_t places = daemon.config.http_max_connections;
  if (connections.size() < places) return true;
  const auto crowd = crowd_of<std::string_view>(
      connections, [](const HttpConnection& one) { return one.closed(); });
  if (crowd.open < places) return true;
  const auto look = [](const HttpConnection& one) {
    return one.closed() ? std::nullopt : std::optional(one.standing());
  };
  const auto may_go = [&](const HttpConnection& one) {
    return one.standing().waits_for_peer || crowd.places_of(one.peer()) > places / 2;
  };
  const auto first =
      first_to_go(connections, crowd, std::string_view(peer), Whose::others, look, may_go);
  if (!first) return false;
  complaints.say("http: a connection of " + first->peer() +
                 ": ended: it was silent for longest, and its place was needed");
  first->close();
  ++evicted;
  return true;
}

void HttpServer::State::take(std::unique_ptr<ByteStream> stream, std::string peer) {
  if (!stream) return;
  if (!make_room(peer)) {
    if (turned_away++ == 0) {
      log(Priority::warning, "http: connections are turned away: http.max_connections are open");
    }
    return stream->close();
  }
  const auto connection =
      std::make_shared<HttpConnection>(std::move(stream), shared, context.get_executor(),
                                       std::move(peer));
  connections.insert(connection);
  ++accepted;
  open = connections.size();
  connection->start([this, connection] {
    connections.erase(connection);
    open = connections.size();
  });
}

void HttpServer::State::end_all(bool at_once) {
  boost::system::error_code ignored;
  for (const auto& acceptor : tcp_acceptors) acceptor->close(ignored);
  for (const auto& listener : unix_listeners) listener->close();
  const auto still_open = connections;  // ending lets them go, one by one
  for (const auto& connection : still_open) at_once ? connection->close() : connection->stop();
}

HttpServer::HttpServer(const ControlledDaemon& daemon, const std::vector<int>& passed)
    : state_(std::make_unique<State>(daemon, passed)) {}

HttpServer::~HttpServer() = default;

void HttpServer::serve() {
  state_->serve();
}

void HttpServer::sealed(std::uint64_t size) {
  state_->intake->sealed(size);
}

void HttpServer::stop() {
  asio::post(state_->context, [state = state_.get()] {
    state->shared->stopping = true;
    state->end_all(false);
    state->stopped = true;
  });
}

bool HttpServer::read_out() const {
  return state_->stopped && state_->shared->buffers.receiving == 0;
}

void HttpServer::close() {
  asio::post(state_->context, [state = state_.get()] { state->end_all(true); });
}

InputCounters HttpServer::counters() const {
  return {state_->open,           state_->accepted,        state_->turned_away,
          state_->intake->events, state_->intake->refused, state_->intake->dropped,
          state_->intake->bytes,  state_->evicted};
}

}  // namespace stele::daemon
