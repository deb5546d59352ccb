// Goal: over TLS events come out byte exact whatever records they came in; an end is in order by
// its close_notify alone; key updates lose nothing, and whoever sends nothing else keeps nobody
// waiting. Method: OpenSSL's own client over real sockets, an input, sequencer and store of the
// test's own; the store is read afterwards. Certificates and refusals: tests/e2e/tls_test.py, cuts:
// tls_ends_test.py.
#include "daemon/ingest/tls_receiver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "daemon/ingest/tls.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

using test::IngestBed;

// A key, and a certificate of its own that is server, sender and authority in one.
struct OwnCertificate {
  OwnCertificate() {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "
        "/CN=me "
        "-addext subjectAltName=DNS:me.example -keyout '" +
        key + "' -out '" + pem + "' 2>/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  }
  test::Scratch scratch;
  const std::string key = scratch / "key.pem";
  const std::string pem = scratch / "certificate.pem";
};

// Listens itself, so that its port is known.
struct TlsBed {
  TlsBed()
      : bed([&](Config& config) {
          config.tls_certificate = config.tls_client_ca = own.pem;
          config.tls_key = own.key;
          config.tls_allowed_names = {"*.example"};
        }),
        tls(bed.open<Input>([&](auto executor, Sequencer& sequencer) {
          return make_tls(bed.config(), executor, sequencer, {listen()});
        })) {}

  int listen() {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(made, any, length) != 0 || ::listen(made, 16) != 0 ||
        ::getsockname(made, any, &length) != 0) {
      throw std::runtime_error("no listening socket");
    }
    port = ntohs(address.sin_port);
    return made;
  }
  std::uint64_t gaps() const {
    const auto records = bed.records();
    return static_cast<std::uint64_t>(
        std::count(records.begin(), records.end(), R"(gap:{"lost":1,"reason":"truncated"})"));
  }
  void await_all_gone() {
    bed.await([&] { return tls.counters().accepted > 0 && tls.counters().open == 0; });
    bed.await([&] { return bed.sequencer().status().queued_records == 0; });
  }

  OwnCertificate own;
  std::uint16_t port = 0;
  IngestBed bed;
  Input& tls;
};

class TlsSender {
 public:
  TlsSender(const TlsBed& to, int version)
      : context_(::SSL_CTX_new(TLS_client_method()), ::SSL_CTX_free),
        socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{60, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ::SSL_CTX_set_min_proto_version(context_.get(), version);
    ::SSL_CTX_set_max_proto_version(context_.get(), version);
    ::SSL_CTX_use_certificate_file(context_.get(), to.own.pem.c_str(), SSL_FILETYPE_PEM);
    ::SSL_CTX_use_PrivateKey_file(context_.get(), to.own.key.c_str(), SSL_FILETYPE_PEM);
    ssl_.reset(::SSL_new(context_.get()));
    ::SSL_set_fd(ssl_.get(), socket_);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::SSL_connect(ssl_.get()) != 1) {
      throw std::runtime_error("no TLS with the input");
    }
  }
  ~TlsSender() { break_off(); }
  TlsSender(const TlsSender&) = delete;
  TlsSender& operator=(const TlsSender&) = delete;

  // In records of at most so many bytes; false: it is not taken.
  bool send(std::string_view bytes, std::size_t record = 16384) {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, record);
      if (::SSL_write(ssl_.get(), part.data(), static_cast<int>(part.size())) <= 0) return false;
      bytes.remove_prefix(part.size());
    }
    return true;
  }
  bool update_key(int kind) {
    return ::SSL_key_update(ssl_.get(), kind) == 1 && ::SSL_do_handshake(ssl_.get()) == 1;
  }
  // close_notify; whether the input's came.
  bool end() { return ::SSL_shutdown(ssl_.get()) == 1 || ::SSL_shutdown(ssl_.get()) == 1; }
  void break_off() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

 private:
  struct Free {
    void operator()(SSL* one) const { ::SSL_free(one); }
  };
  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_;
  int socket_;
  std::unique_ptr<SSL, Free> ssl_;
};

class TlsReceiverTest : public ::testing::TestWithParam<int> {
 protected:
  // A sender that writes to a connection that is gone learns it by an error.
  TlsReceiverTest() { std::signal(SIGPIPE, SIG_IGN); }
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsReceiverTest,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(TlsReceiverTest, EventsComeOutByteExactWhateverRecordsTheyCameIn) {
  TlsBed t;
  std::vector<std::string> events;
  std::string stream;
  for (std::size_t length : {1u, 300u, 20'000u, 300'000u, 1u << 20, 5u}) {
    std::string event(length, '\0');
    for (std::size_t i = 0; i < length; ++i)
      event[i] = static_cast<char>('a' + (i * 7 + length) % 26);
    stream += event + "\n";
    events.push_back(std::move(event));
  }
  for (const std::size_t record : {16'384u, 1'000u, 5'003u}) {
    TlsSender sender(t, GetParam());
    ASSERT_TRUE(sender.send(stream, record));
    EXPECT_TRUE(sender.end());
  }
  t.await_all_gone();
  std::vector<std::string> expected;
  for (int round = 0; round < 3; ++round) {
    expected.insert(expected.end(), events.begin(), events.end());
  }
  EXPECT_EQ(t.bed.events(), expected);
  EXPECT_EQ(t.tls.counters().refused, 0u);
}

TEST_P(TlsReceiverTest, AnEndInOrderEndsTheLastLineAndIsAnswered) {
  TlsBed t;
  TlsSender sender(t, GetParam());
  ASSERT_TRUE(sender.send("whole\nlast"));
  EXPECT_TRUE(sender.end());
  t.await_all_gone();
  EXPECT_EQ(t.bed.events(), (std::vector<std::string>{"whole", "last"}));
  EXPECT_EQ(t.gaps(), 0u);
}

TEST_P(TlsReceiverTest, WithoutACloseNotifyTheLastLineIsTruncated) {
  TlsBed t;
  TlsSender sender(t, GetParam());
  ASSERT_TRUE(sender.send("whole\nlast"));
  t.bed.await([&] { return t.bed.events().size() == 1; });
  sender.break_off();
  t.await_all_gone();
  EXPECT_EQ(t.bed.events(), (std::vector<std::string>{"whole"}));
  EXPECT_EQ(t.gaps(), 1u);
  EXPECT_EQ(t.tls.counters().refused, 1u);
  EXPECT_EQ(t.tls.counters().turned_away, 0u);
}

TEST_P(TlsReceiverTest, WhatIsWholeIsReadOutWhenTheInputStops) {
  TlsBed t;
  TlsSender sender(t, GetParam());
  ASSERT_TRUE(sender.send("whole\nhalf"));
  t.bed.await([&] { return t.bed.events().size() == 1; });
  t.bed.on_loop([&] { t.tls.stop(); });
  t.await_all_gone();
  EXPECT_EQ(t.gaps(), 1u);
}

TEST_F(TlsReceiverTest, KeyUpdatesOfBothKindsLoseNothing) {
  TlsBed t;
  std::vector<std::string> expected;
  TlsSender sender(t, TLS1_3_VERSION);
  for (int i = 0; i < 50; ++i) {
    expected.push_back("with key " + std::to_string(i));
    ASSERT_TRUE(sender.send(expected.back() + "\n", 7));
    ASSERT_TRUE(
        sender.update_key(i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED));
  }
  EXPECT_TRUE(sender.end());
  t.await_all_gone();
  EXPECT_EQ(t.bed.events(), expected);
}

// They are no events: nothing else would ever let go of the thread.
TEST_F(TlsReceiverTest, WhoSendsKeyUpdatesWithoutEndKeepsNobodyWaiting) {
  TlsBed t;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> updates{0};
  TlsSender busy(t, TLS1_3_VERSION);
  std::thread flood([&] {
    while (!stop && busy.update_key(SSL_KEY_UPDATE_NOT_REQUESTED)) ++updates;
  });
  t.bed.await([&] { return updates > 1000; });
  TlsSender other(t, TLS1_3_VERSION);
  EXPECT_TRUE(other.send("not kept waiting\n"));
  t.bed.await([&] { return t.bed.events().size() == 1; });
  const std::uint64_t before = updates;
  t.bed.await([&] { return updates > before; });
  stop = true;
  flood.join();
  EXPECT_TRUE(busy.send("nor ended\n"));
  EXPECT_TRUE(busy.end());
  t.bed.await([&] { return t.bed.events().size() == 2; });
}

}  // namespace
}  // namespace stele::daemon
