// Ours through the ingest socket, without and with the look-up running, and as syslog over TCP, in lines and
// counted: one sender pipelines all events, and all are waited for until they are durable.
//
// The daemon's own listener, sequencer and finder, without TPM; sender and daemon share the cores.
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include "daemon/finder.h"
#include "daemon/ingest/tcp.h"
#include "daemon/ingest/unix_stream.h"
#include "daemon/sequencer.h"
#include "storage/file_system.h"
#include "tests/bench/events.h"
#include "tests/bench/quiet_disk.h"
#include "tests/bench/sender.h"
#include "tests/support/scratch.h"

namespace stele::bench {
namespace {

void check(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  check(fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
  return fd;
}

void send_all(int fd, attest::ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), 64u << 10));
    check(sent > 0, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

}  // namespace

std::string send_and_wait(const std::string& path) {
  const int fd = connect_to(path);
  std::thread sender([fd] {
    send_all(fd, attest::view("STELE/1 frame=lf ack=durable\n"));
    send_all(fd, events().bytes);
    check(shutdown(fd, SHUT_WR) == 0, "shutdown");
  });
  std::string text;
  char buffer[65536];
  for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
    const std::size_t last = text.rfind('\n', text.size() - 2);
    if (last != std::string::npos) text.erase(0, last + 1);
  }
  sender.join();
  close(fd);
  return text;
}

namespace {

// The look-up, fed behind the log on a thread of its own, as the daemon has it.
class Feeding {
 public:
  Feeding(const daemon::Config& config, const storage::Store& store)
      : finder_(std::make_shared<daemon::Finder>(config, loop_.get_executor(), store)),
        thread_([this] { loop_.run(); }) {}
  ~Feeding() {
    loop_.stop();
    thread_.join();
  }
  Feeding(const Feeding&) = delete;
  Feeding& operator=(const Feeding&) = delete;
  void durable() { finder_->durable(); }

 private:
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop_.get_executor()};
  std::shared_ptr<daemon::Finder> finder_;
  std::thread thread_;
};

void append_through_socket(benchmark::State& state, bool look_up) {
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    storage::NewRecord genesis;
    genesis.kind = attest::Kind::genesis;
    storage::Store::create(storage::posix(), scratch.path(), attest::hash(attest::view("bench")), 0, genesis);
    daemon::Config config;
    config.data = scratch.path();
    config.listen_unix = scratch / "in.sock";
    boost::asio::io_context loop;
    auto work = boost::asio::make_work_guard(loop);
    std::optional<Feeding> feeding;  // made before anything becomes durable
    daemon::Sequencer sequencer(storage::Store::open(storage::posix(), scratch.path(), {}), config,
                                loop.get_executor(),
                                {[&feeding](const attest::TreeHead&) {
                                   if (feeding) feeding->durable();
                                 },
                                 {}});
    if (look_up) feeding.emplace(config, sequencer.store());
    daemon::UnixStream ingest(config, loop.get_executor(), sequencer);
    std::thread running([&loop] { loop.run(); });
    quiet_disk();
    state.ResumeTiming();
    const std::string newest = send_and_wait(config.listen_unix);
    state.PauseTiming();
    const bool acknowledged = sequencer.head().size >= kEventCount && newest.find("\"next\"") != std::string::npos;
    ingest.close();
    work.reset();
    loop.stop();
    running.join();
    sequencer.drain();
    feeding.reset();  // it reads the store
    if (!acknowledged) {
      state.SkipWithError("not every event was acknowledged");
      break;
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

std::string as_counted_frames() {
  std::string frames;
  const attest::ByteView bytes = events().bytes;
  for (auto at = bytes.begin(); at != bytes.end();) {
    const auto lf = std::find(at, bytes.end(), std::uint8_t{'\n'});
    frames += std::to_string(lf - at) + " ";
    frames.append(at, lf);
    at = lf + 1;
  }
  return frames;
}

void append_through_tcp(benchmark::State& state, bool counted) {
  const std::string frames = counted ? as_counted_frames() : std::string();
  const attest::ByteView stream = counted ? attest::view(frames) : events().bytes;
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    storage::NewRecord genesis;
    genesis.kind = attest::Kind::genesis;
    storage::Store::create(storage::posix(), scratch.path(), attest::hash(attest::view("bench")), 0, genesis);
    daemon::Config config;
    config.data = scratch.path();
    config.listen_tcp = {"127.0.0.1:0"};
    config.listen_tcp_framing = counted ? "auto" : "lf";
    boost::asio::io_context loop;
    auto work = boost::asio::make_work_guard(loop);
    daemon::Sequencer sequencer(storage::Store::open(storage::posix(), scratch.path(), {}), config,
                                loop.get_executor(), {});
    const auto ingest = daemon::make_tcp(config, loop.get_executor(), sequencer);
    std::thread running([&loop] { loop.run(); });
    boost::asio::io_context here;
    boost::asio::ip::tcp::socket sender(here);
    sender.connect({boost::asio::ip::address_v4::loopback(), ingest->port()});
    quiet_disk();
    state.ResumeTiming();
    send_all(sender.native_handle(), stream);
    while (sequencer.head().size < kEventCount + 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    state.PauseTiming();
    boost::asio::post(loop, [&] { ingest->close(); });
    sender.close();
    work.reset();
    running.join();
    sequencer.drain();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

}  // namespace

BENCHMARK_CAPTURE(append_through_tcp, lines, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(append_through_tcp, counted, true)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(append_through_socket, alone, false)
    ->Name("append_through_socket")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(append_through_socket, fed, true)
    ->Name("append_with_look_up")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace stele::bench
