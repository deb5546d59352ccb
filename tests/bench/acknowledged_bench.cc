// Events acknowledged when durable: how many a second, and how long each is waited for.
//
//   acknowledged/C/W              our listener and sequencer, without look-up and TPM; C clients, W under way each
//   ceiling/acknowledged/C/W      one thread: epoll, H(0x00 ‖ event), one tree node an event, write, fdatasync, answer
//   acknowledged/paced            8 clients, 10,000 events a second together
//   ceiling/acknowledged/paced    the same of the one thread: what the disk alone makes them wait
//
// Clients and server share the cores.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstring>
#include <map>
#include <thread>

#include "attest/merkle.h"
#include "daemon/ingest/unix_stream.h"
#include "daemon/sequencer.h"
#include "storage/file_system.h"
#include "tests/bench/crowd.h"
#include "tests/bench/events.h"
#include "tests/bench/quiet_disk.h"
#include "tests/support/scratch.h"

namespace stele::bench {
namespace {

constexpr std::chrono::seconds kTime{2};

void check(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

// The least that a server has to do which answers for what it acknowledges.
class LeastServer {
 public:
  explicit LeastServer(const test::Scratch& scratch) : path(scratch / "in.sock") {
    file_ = open((scratch / "file").c_str(), O_CREAT | O_WRONLY | O_EXCL, 0600);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    check(file_ >= 0 && bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    check(listen(listener_, 1024) == 0, "listen");
    ready_ = epoll_create1(EPOLL_CLOEXEC);
    watch(listener_);
    thread_ = std::thread([this] { run(); });
  }
  ~LeastServer() {
    ended_ = true;
    thread_.join();
    for (const auto& [fd, buffer] : buffers_) close(fd);
    for (const int fd : {ready_, listener_, file_}) close(fd);
  }
  LeastServer(const LeastServer&) = delete;
  LeastServer& operator=(const LeastServer&) = delete;

  const std::string path;

 private:
  void watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    check(epoll_ctl(ready_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }
  void run() {
    std::array<epoll_event, 256> events;
    while (!ended_) {
      const int count = epoll_wait(ready_, events.data(), static_cast<int>(events.size()), 50);
      std::string group;
      std::map<int, std::size_t> taken;
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_) {
          const int sender = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
          if (sender >= 0) watch(sender), buffers_[sender];
        } else if (const std::size_t events_taken = take(fd, group)) {
          taken[fd] = events_taken;
        }
      }
      if (group.empty()) continue;
      check(write(file_, group.data(), group.size()) == static_cast<ssize_t>(group.size()), "write");
      check(fdatasync(file_) == 0, "fdatasync");
      for (const auto& [fd, events_taken] : taken) {
        const std::string line = "{\"first\":0,\"next\":" + std::to_string(events_taken) + "}\n";
        if (send(fd, line.data(), line.size(), MSG_NOSIGNAL) < 0) continue;  // it went; its end is read next
      }
    }
  }
  std::size_t take(int fd, std::string& group) {
    static std::array<char, 1 << 18> read_buffer;
    const ssize_t got = read(fd, read_buffer.data(), read_buffer.size());
    if (got <= 0) {
      epoll_ctl(ready_, EPOLL_CTL_DEL, fd, nullptr);
      return 0;
    }
    auto& [opened, rest] = buffers_[fd];
    rest.append(read_buffer.data(), static_cast<std::size_t>(got));
    std::size_t count = 0, at = 0;
    for (std::size_t end; (end = rest.find('\n', at)) != rest.npos; at = end + 1) {
      if (!opened) {
        opened = true;
        continue;
      }
      static constexpr std::uint8_t kPrefix[] = {0x00};
      const std::string_view event = std::string_view(rest).substr(at, end - at);
      tree_.append(attest::hash({attest::ByteView(kPrefix), attest::view(event)}));
      group.append(rest, at, end + 1 - at);
      ++count;
    }
    rest.erase(0, at);
    return count;
  }

  struct Buffer {
    bool opened = false;
    std::string rest;
  };
  int file_ = -1, listener_ = -1, ready_ = -1;
  std::map<int, Buffer> buffers_;
  attest::CompactRange tree_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

// Ours, as the daemon puts it together.
class Ours {
 public:
  explicit Ours(const test::Scratch& scratch) : path(scratch / "in.sock") {
    storage::NewRecord genesis;
    genesis.kind = attest::Kind::genesis;
    storage::Store::create(storage::posix(), scratch.path(), attest::hash(attest::view("bench")), 0, genesis);
    config_.data = scratch.path();
    config_.listen_unix = path;
    sequencer_.emplace(storage::Store::open(storage::posix(), scratch.path(), {}), config_, loop_.get_executor(),
                       daemon::Sequencer::Hooks{});
    ingest_.emplace(config_, loop_.get_executor(), *sequencer_);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Ours() {
    work_.reset();
    loop_.stop();
    thread_.join();
    ingest_->close();
    sequencer_->drain();
  }
  Ours(const Ours&) = delete;
  Ours& operator=(const Ours&) = delete;

  const std::string path;

 private:
  daemon::Config config_;
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop_.get_executor()};
  std::optional<daemon::Sequencer> sequencer_;
  std::optional<daemon::UnixStream> ingest_;
  std::thread thread_;
};

template <class Server>
void acknowledged(benchmark::State& state, double pace) {
  const Crowd crowd{static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)), pace};
  std::size_t answered = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    Server server(scratch);
    quiet_disk();
    state.ResumeTiming();
    const Answered out = ask(server.path, crowd, kTime);
    state.PauseTiming();
    answered += out.events;
    state.counters["p50_us"] = out.median_us;
    state.counters["p99_us"] = out.p99_us;
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(answered));
}
void ours(benchmark::State& state) { acknowledged<Ours>(state, 0); }
void ceiling(benchmark::State& state) { acknowledged<LeastServer>(state, 0); }
void paced(benchmark::State& state) { acknowledged<Ours>(state, 10'000); }
void paced_ceiling(benchmark::State& state) { acknowledged<LeastServer>(state, 10'000); }

void crowds(benchmark::internal::Benchmark* each) {
  each->Args({1, 1})->Args({64, 1})->Args({8, 64})->Args({8, 1000});
  each->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
}
void crowd_in_step(benchmark::internal::Benchmark* paced) {
  paced->Args({8, 0})->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
}

}  // namespace

BENCHMARK(ours)->Name("acknowledged")->Apply(crowds);
BENCHMARK(ceiling)->Name("ceiling/acknowledged")->Apply(crowds);
BENCHMARK(paced)->Name("acknowledged/paced")->Apply(crowd_in_step);
BENCHMARK(paced_ceiling)->Name("ceiling/acknowledged/paced")->Apply(crowd_in_step);

}  // namespace stele::bench
