// FULL, the ceiling of ingest: a sender's Unix stream is split at LF, each event hashed as a leaf with about one
// tree node, and what came meanwhile is written by another thread and synced: group commit.
//
//   ceiling/full     the sender, one thread that reads and hashes, one that writes; all share the cores
//
// An event takes its bytes, its LF and its leaf hash on disk; nobody is acknowledged.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "attest/merkle.h"
#include "tests/bench/events.h"
#include "tests/bench/quiet_disk.h"
#include "tests/support/scratch.h"

namespace stele::bench {
namespace {

constexpr std::size_t kMostWaiting = 8u << 20;  // hashed and not yet written
constexpr std::size_t kReadBytes = 256u << 10;
constexpr std::size_t kSendBytes = 64u << 10;
constexpr int kSocketBytes = 1 << 20;

void must(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

void write_out(int fd, const char* from, std::size_t length) {
  while (length > 0) {
    const ssize_t written = write(fd, from, length);
    must(written > 0, "write");
    from += written;
    length -= static_cast<std::size_t>(written);
  }
}

// Writes and syncs, on a thread of its own, whatever was given while it was at the last.
class GroupWriter {
 public:
  explicit GroupWriter(int fd) : fd_(fd), thread_([this] { run(); }) {}
  // Of what `bytes` holds a copy is taken.
  void give(const std::string& bytes) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return waiting_.size() < kMostWaiting; });
    waiting_ += bytes;
    more_.notify_one();
  }
  void finish() {  // all is on disk
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    more_.notify_one();
    thread_.join();
  }

 private:
  void run() {
    std::string group;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        more_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        group.swap(waiting_);
      }
      room_.notify_one();
      write_out(fd_, group.data(), group.size());
      must(fdatasync(fd_) == 0, "fdatasync");
      group.clear();
    }
  }

  const int fd_;
  std::mutex mutex_;
  std::condition_variable more_, room_;
  std::string waiting_;
  bool ended_ = false;
  std::thread thread_;  // begins when all else is there
};

// Reads lines to the end of the stream; how many there were.
std::size_t take_stream(int from, GroupWriter& writer) {
  static constexpr std::uint8_t kPrefix[] = {0x00};
  attest::CompactRange tree;
  std::string in, out;
  std::size_t count = 0;
  std::string buffer(kReadBytes, '\0');
  for (ssize_t got; (got = read(from, buffer.data(), buffer.size())) > 0;) {
    in.append(buffer, 0, static_cast<std::size_t>(got));
    std::size_t at = 0;
    for (std::size_t end; (end = in.find('\n', at)) != in.npos; at = end + 1, ++count) {
      const attest::Hash leaf =
          attest::hash({attest::ByteView(kPrefix), attest::view(std::string_view(in).substr(at, end - at))});
      tree.append(leaf);
      out.append(in, at, end + 1 - at);
      out.append(reinterpret_cast<const char*>(leaf.bytes.data()), leaf.bytes.size());
    }
    in.erase(0, at);
    writer.give(out);
    out.clear();
  }
  benchmark::DoNotOptimize(tree.head());
  return count;
}

void send_events(int to) {
  const char* from = reinterpret_cast<const char*>(events().bytes.data());
  for (std::size_t left = events().bytes.size(); left > 0;) {
    const std::size_t part = std::min(left, kSendBytes);
    write_out(to, from, part);
    from += part;
    left -= part;
  }
  must(shutdown(to, SHUT_WR) == 0, "shutdown");
}

void full(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    const int fd = open((scratch / "file").c_str(), O_CREAT | O_WRONLY | O_EXCL, 0600);
    int ends[2];
    must(fd >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    must(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof kSocketBytes) == 0, "SO_SNDBUF");
    events();
    quiet_disk();
    state.ResumeTiming();
    GroupWriter writer(fd);
    std::thread sender([&ends] { send_events(ends[1]); });
    const std::size_t count = take_stream(ends[0], writer);
    writer.finish();
    state.PauseTiming();
    sender.join();
    for (const int end : {ends[0], ends[1], fd}) close(end);
    if (count != kEventCount) {
      state.SkipWithError("not every event came");
      break;
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

}  // namespace

BENCHMARK(full)->Name("ceiling/full")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace stele::bench
