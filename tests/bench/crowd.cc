#include "tests/bench/crowd.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <system_error>
#include <vector>

#include "tests/bench/events.h"

namespace stele::bench {
namespace {

using Clock = std::chrono::steady_clock;

void check(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

class Client {
 public:
  explicit Client(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    check(fd_ >= 0 && connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
    out_ = "STELE/1 frame=lf ack=durable\n";
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  int fd() const { return fd_; }

  void send(std::size_t count, std::size_t& next) {
    if (count == 0) return;
    for (std::size_t i = 0; i < count; ++i) {
      const attest::ByteView event = events().each[next++ % kEventCount];
      out_.append(event.begin(), event.end()) += '\n';
    }
    waiting_.push_back({count, Clock::now()});
    for (std::string_view rest = out_; !rest.empty();) {
      const ssize_t sent = write(fd_, rest.data(), rest.size());
      check(sent > 0, "write");
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    out_.clear();
  }

  // How many events the acknowledgements that are there now cover.
  std::size_t receive(std::vector<float>& latencies_us) {
    std::array<char, 65536> buffer;
    const ssize_t got = read(fd_, buffer.data(), buffer.size());
    check(got > 0, "read");
    in_.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t answered = 0;
    for (std::size_t end; (end = in_.find('\n')) != in_.npos; in_.erase(0, end + 1)) {
      const std::string_view line = std::string_view(in_).substr(0, end);
      answered += number(line, "\"next\":") - number(line, "\"first\":");
    }
    take(answered, latencies_us);
    return answered;
  }

 private:
  struct Sent {
    std::size_t count;
    Clock::time_point when;
  };
  static std::size_t number(std::string_view line, std::string_view key) {
    std::size_t out = 0;
    const std::size_t at = line.find(key);
    const char* const from = line.data() + at + key.size();
    if (at == line.npos || std::from_chars(from, line.data() + line.size(), out).ec != std::errc{}) {
      throw std::runtime_error("no acknowledgement: " + std::string(line));
    }
    return out;
  }
  void take(std::size_t answered, std::vector<float>& latencies_us) {
    const auto now = Clock::now();
    while (answered > 0) {
      Sent& first = waiting_.front();
      const std::size_t of_it = std::min(answered, first.count);
      const std::chrono::duration<float, std::micro> took = now - first.when;
      latencies_us.insert(latencies_us.end(), of_it, took.count());
      answered -= of_it;
      first.count -= of_it;
      if (first.count == 0) waiting_.pop_front();
    }
  }

  int fd_;
  std::string out_, in_;
  std::deque<Sent> waiting_;
};

double percentile(std::vector<float>& values, double part) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(std::floor(part * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

}  // namespace

Answered ask(const std::string& socket, const Crowd& crowd, std::chrono::milliseconds time) {
  std::deque<Client> clients;
  const int ready = epoll_create1(EPOLL_CLOEXEC);
  check(ready >= 0, "epoll_create1");
  for (std::size_t i = 0; i < crowd.clients; ++i) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    check(epoll_ctl(ready, EPOLL_CTL_ADD, clients.emplace_back(socket).fd(), &event) == 0, "epoll_ctl");
  }
  std::size_t next = 0;
  if (crowd.pace == 0) {
    for (Client& client : clients) client.send(crowd.outstanding, next);
  }
  std::vector<float> latencies_us;
  Answered out;
  const auto begin = Clock::now();
  std::array<epoll_event, 256> events;
  for (std::size_t turn = 0; Clock::now() - begin < time;) {
    if (crowd.pace > 0) {
      const std::chrono::duration<double> passed = Clock::now() - begin;
      const auto due = static_cast<std::size_t>(passed.count() * crowd.pace);
      if (due > next) clients[turn++ % clients.size()].send(due - next, next);
    }
    const int count = epoll_wait(ready, events.data(), static_cast<int>(events.size()), crowd.pace > 0 ? 1 : 100);
    for (int i = 0; i < count; ++i) {
      Client& client = clients[events[static_cast<std::size_t>(i)].data.u64];
      const std::size_t answered = client.receive(latencies_us);
      out.events += answered;
      if (crowd.pace == 0) client.send(answered, next);
    }
  }
  close(ready);
  out.median_us = percentile(latencies_us, 0.5);
  out.p99_us = percentile(latencies_us, 0.99);
  return out;
}

}  // namespace stele::bench
