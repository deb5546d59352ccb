#include "tests/daemon/ingest_bed.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <stdexcept>

namespace stele::test {

namespace asio = boost::asio;

namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

storage::Store new_store(storage::FileSystem& file_system, const std::string& directory) {
  storage::NewRecord genesis;
  genesis.kind = attest::Kind::genesis;
  const std::string text = "a genesis for tests of the daemon";
  genesis.bytes = attest::view(text);
  storage::Store::create(file_system, directory, attest::hash(attest::view(text)), 0, genesis);
  return storage::Store::open(file_system, directory, {});
}

IngestBed::IngestBed(const std::function<void(daemon::Config&)>& configure)
    : work_(context_.get_executor()) {
  config_.data = scratch_.path().string();
  config_.listen_unix = scratch_ / "ingest.sock";
  config_.listen_unix_mode = 0600;
  if (configure) configure(config_);
  sequencer_ =
      std::make_unique<daemon::Sequencer>(new_store(storage::posix(), config_.data), config_,
                                          context_.get_executor(), daemon::Sequencer::Hooks{});
  ingest_ = std::make_unique<daemon::UnixStream>(config_, context_.get_executor(), *sequencer_);
  thread_ = std::thread([this] { context_.run(); });
}

IngestBed::~IngestBed() {
  on_loop([this] {
    ingest_->close();
    further_.clear();
  });
  sequencer_->drain();
  work_.reset();
  thread_.join();
}

void IngestBed::on_loop(const std::function<void()>& what) {
  // The loop has let go of what was thrown before anybody here looks at it.
  std::promise<std::exception_ptr> done;
  asio::post(context_, [&] {
    std::exception_ptr thrown;
    try {
      what();
    } catch (...) {
      thrown = std::current_exception();
    }
    done.set_value(std::move(thrown));
  });
  if (const auto thrown = done.get_future().get()) std::rethrow_exception(thrown);
}

void IngestBed::await(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!holds()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it does not come about";
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

std::vector<std::string> IngestBed::records() const {
  std::vector<std::string> out;
  const storage::Store& store = sequencer_->store();
  store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
    out.push_back(std::string(name(record.leaf.kind)) + ":" +
                  std::string(record.bytes.begin(), record.bytes.end()));
    return true;
  });
  return out;
}

std::vector<std::string> IngestBed::events() const {
  std::vector<std::string> out;
  for (const std::string& record : records()) {
    if (record.starts_with("event:")) out.push_back(record.substr(6));
  }
  return out;
}

Client::Client(const std::string& path)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  require(socket_ >= 0, "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  connect_to(&address, sizeof address);
}

Client::Client(std::uint16_t port, const char* from)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  require(socket_ >= 0, "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  require(::inet_pton(AF_INET, from, &address.sin_addr) == 1, "inet_pton");
  require(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect_to(&address, sizeof address);
}

void Client::connect_to(const void* address, std::size_t length) {
  const timeval limit{30, 0};
  require(::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "SO_RCVTIMEO");
  require(::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0, "SO_SNDTIMEO");
  require(::connect(socket_, static_cast<const sockaddr*>(address),
                    static_cast<socklen_t>(length)) == 0,
          "connect");
}

Client::~Client() {
  close();
}

void Client::send(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    require(n > 0, "send");
    sent += static_cast<std::size_t>(n);
  }
}

std::size_t Client::send_what_fits(const std::string& bytes) {
  const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  require(n > 0 || errno == EAGAIN, "send");
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void Client::half_close() {
  require(::shutdown(socket_, SHUT_WR) == 0, "shutdown");
}

void Client::reset() {
  const linger at_once{1, 0};
  require(::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0, "SO_LINGER");
  close();
}

void Client::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

std::string Client::read_line() {
  std::string line;
  for (char c = 0;;) {
    const ssize_t n = ::recv(socket_, &c, 1, 0);
    require(n >= 0, "recv");
    if (n == 0 || c == '\n') return line;
    line += c;
  }
}

std::string Client::read_rest() {
  std::string all;
  char part[65536];
  for (;;) {
    const ssize_t n = ::recv(socket_, part, sizeof part, 0);
    require(n >= 0 || errno == ECONNRESET, "recv");
    if (n <= 0) return all;
    all.append(part, static_cast<std::size_t>(n));
  }
}

std::string len32(const std::string& event) {
  std::string frame;
  for (const unsigned shift : {24u, 16u, 8u, 0u})
    frame += static_cast<char>(event.size() >> shift & 0xff);
  return frame + event;
}

}  // namespace stele::test
