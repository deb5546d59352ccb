// Family 17 for what stands between a sender and the store: sockets, queue, sequencer, with the
// n-th allocation failing, for every n.
//
//   ingest_session starve DIR
//
// A child for each n serves one sender of 40 events over the ingest socket. It must end by itself
// with 0, or 70 or 74 as steled would; what it acknowledged must be stored, and a next life go on.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "daemon/ingest/unix_stream.h"
#include "daemon/sequencer.h"
#include "storage/store.h"
#include "tests/crash/starved_new.h"

namespace {

using namespace stele;
using test::allocations;
using test::fail_at;

constexpr int kChunks = 8;
constexpr int kEventsPerChunk = 5;
constexpr int kPatienceMs = 60'000;

// What the child tells its parent; in memory that both see.
struct Told {
  long allocations = 0;
  unsigned long acknowledged = 0;  // records [0, this) are durable
};

// The sender: system calls only, so that no allocation of its own fails.
unsigned long send_events(const char* path) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  unsigned long next = 0;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 0;
  const char opening[] = "STELE/1 ack=durable\n";
  bool goes_on = ::send(socket, opening, sizeof opening - 1, MSG_NOSIGNAL) > 0;
  unsigned long taken = 0;
  for (int chunk = 0; goes_on && chunk < kChunks; ++chunk) {
    const char events[] = "one\ntwo\nthree\nfour\nfive\n";
    goes_on = ::send(socket, events, sizeof events - 1, MSG_NOSIGNAL) > 0;
    const unsigned long wanted = taken + kEventsPerChunk;
    while (goes_on && taken < wanted) {
      pollfd ready{socket, POLLIN, 0};
      char line[512] = {};
      ssize_t length = 0;
      goes_on = ::poll(&ready, 1, kPatienceMs) == 1;
      if (goes_on) length = ::recv(socket, line, sizeof line - 1, 0);
      goes_on = goes_on && length > 0;
      for (const char* at = line; goes_on && (at = std::strstr(at, "{\"first\":")) != nullptr;) {
        const unsigned long first = std::strtoul(at + 9, nullptr, 10);
        const char* const end = std::strstr(at, "\"next\":");
        if (end == nullptr) break;
        next = std::strtoul(end + 7, nullptr, 10);
        taken += next - first;
        at = end;
      }
    }
  }
  ::close(socket);
  return next;
}

int serve(const std::string& directory, long n, int tell) {
  const std::string path = directory + "/ingest.sock";
  daemon::Config config;
  config.data = directory;
  config.listen_unix = path;
  boost::asio::io_context context{1};
  std::atomic<int> code{0};
  daemon::Sequencer::Hooks hooks;
  hooks.failure = [&](const std::string&) {
    code = 74;
    context.stop();
  };
  Told told;
  std::thread sender;
  {
    daemon::Sequencer sequencer(storage::Store::open(storage::posix(), directory, {}), config,
                                context.get_executor(), hooks);
    daemon::UnixStream ingest(config, context.get_executor(), sequencer);
    sender = std::thread([&] {
      allocations = 0;
      fail_at = n;
      told.acknowledged = send_events(path.c_str());
      fail_at = 0;
      told.allocations = allocations;
      boost::asio::post(context, [&] { context.stop(); });
    });
    const auto work = boost::asio::make_work_guard(context);
    try {
      context.run();
    } catch (const std::exception&) {
      code = 70;
      ingest.close();  // the sender's connection ends
      context.restart();
      context.poll();
    }
    ingest.close();
    context.restart();
    context.poll();
    sender.join();
    sequencer.drain();
  }
  if (::write(tell, &told, sizeof told) != sizeof told) return 71;
  return code;
}

struct Outcome {
  int status = 0;
  Told told;
};

Outcome serve_in_child(const std::string& directory, long n) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 72;
    try {
      code = serve(directory, n, ends[1]);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "allocation %ld: %s\n", n, error.what());
    }
    ::_exit(code);
  }
  ::close(ends[1]);
  Outcome out;
  if (::read(ends[0], &out.told, sizeof out.told) != sizeof out.told) out.told = {};
  ::close(ends[0]);
  ::waitpid(child, &out.status, 0);
  return out;
}

void make_store(const std::string& directory) {
  std::filesystem::create_directory(directory);
  storage::NewRecord genesis;
  genesis.kind = attest::Kind::genesis;
  const std::string text = "a log for faults";
  genesis.bytes = attest::view(text);
  storage::Store::create(storage::posix(), directory, attest::hash(attest::view(text)), 0, genesis);
}

int starve(const std::string& base) {
  unsigned long injected = 0, wrong = 0, ended = 0;
  bool reached = true;
  for (long n = 1; reached && n <= 20'000; ++n) {
    const std::string directory = base + "/" + std::to_string(n);
    make_store(directory);
    const Outcome outcome = serve_in_child(directory, n);
    const int code = WIFEXITED(outcome.status) ? WEXITSTATUS(outcome.status) : -1;
    reached = outcome.told.allocations >= n || code != 0;
    injected += reached;
    ended += code != 0;
    const auto size = storage::Store::open(storage::posix(), directory, {}).head().size;
    const bool lost = size < outcome.told.acknowledged;
    const bool clean = code == 0 || code == 70 || code == 74;
    const Outcome next = serve_in_child(directory, 0);
    const bool goes_on =
        next.status == 0 && next.told.acknowledged >= size + kChunks * kEventsPerChunk;
    if (lost || !clean || !goes_on) {
      ++wrong;
      std::fprintf(
          stderr, "allocation %ld: wait status %d, %lu acknowledged, %lu stored, goes on %d\n", n,
          outcome.status, outcome.told.acknowledged, static_cast<unsigned long>(size), goes_on);
    }
    std::filesystem::remove_all(directory);
  }
  std::printf(
      "family 17: injected %lu, lost %lu, false alarms 0, missed 0 (ingest and sequencer; "
      "%lu times the daemon would have ended, with its code)\n",
      injected, wrong, ended);
  return wrong == 0 && injected > 100 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "starve") return starve(argv[2]);
  std::fprintf(stderr, "usage: ingest_session starve DIR\n");
  return 64;
}
