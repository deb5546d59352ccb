#include "daemon/ingest/datagrams.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <deque>
#include <utility>

#include "attest/gap.h"
#include "daemon/ingest/complaints.h"
#include "daemon/log.h"
#include "daemon/must_go_on.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kRound = 64;  // datagrams read at once
// Room for SCM_CREDENTIALS, which come first, and for nothing else: descriptors that a sender
// passes along find none, and are closed by the kernel.
constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(ucred));
// At the end what has arrived is read, but not for ever: the sender may go on.
constexpr int kLastRounds = 1024;
constexpr auto kLookForDrops = std::chrono::seconds(1);

// How many datagrams the kernel has dropped at this socket since it was made.
std::uint32_t dropped_by_kernel(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> facts{};
  socklen_t length = sizeof facts;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, facts.data(), &length) != 0) return 0;
  return facts[SK_MEMINFO_DROPS];
}

// Room for one round, in the form recvmmsg wants; untouched pages of it cost nothing.
class Round {
 public:
  explicit Round(std::size_t largest)
      : largest_(largest),
        bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(kRound * largest)) {}
  // How many came; 0: none is there.
  std::size_t receive(int fd) {
    for (std::size_t i = 0; i < kRound; ++i) {
      parts_[i] = {bytes_.get() + i * largest_, largest_};
      messages_[i] = {};
      msghdr& header = messages_[i].msg_hdr;
      header.msg_iov = &parts_[i];
      header.msg_iovlen = 1;
      header.msg_name = &names_[i];
      header.msg_namelen = sizeof names_[i];
      header.msg_control = controls_[i].bytes;
      header.msg_controllen = kControlBytes;
    }
    const int count =
        ::recvmmsg(fd, messages_.data(), kRound, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, nullptr);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  const msghdr& header(std::size_t i) const { return messages_[i].msg_hdr; }
  bool is_cut(std::size_t i) const { return (header(i).msg_flags & MSG_TRUNC) != 0; }
  attest::ByteView bytes(std::size_t i) const {
    return {bytes_.get() + i * largest_, messages_[i].msg_len};
  }

 private:
  struct alignas(cmsghdr) Control {
    std::uint8_t bytes[kControlBytes];
  };
  std::size_t largest_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::array<iovec, kRound> parts_;
  std::array<mmsghdr, kRound> messages_;
  std::array<sockaddr_in6, kRound> names_;
  std::array<Control, kRound> controls_;
};

struct Open {
  Open(const asio::any_io_executor& executor, const DatagramSocket& socket)
      : descriptor(executor, socket.fd),
        listener(std::make_shared<const std::string>(socket.listener)),
        dropped(dropped_by_kernel(socket.fd)),
        looked_ns(read_clocks().wall_ns) {
    if (dropped > 0) {
      log(Priority::warning, socket.listener + ": the kernel had dropped " +
                                 std::to_string(dropped) + " datagrams before this start");
    }
  }
  asio::posix::stream_descriptor descriptor;
  std::shared_ptr<const std::string> listener;
  std::uint32_t dropped;  // by the kernel, as last seen; goes round
  std::int64_t looked_ns;
};

}  // namespace

struct Datagrams::Shared : std::enable_shared_from_this<Datagrams::Shared> {
  Shared(const Config& config, const asio::any_io_executor& executor, Sequencer& sequencer_,
         const std::vector<DatagramSocket>& sockets, std::size_t largest, DatagramSource source_)
      : sequencer(sequencer_),
        source(std::move(source_)),
        round(std::min<std::size_t>(largest, config.max_event_bytes)),
        clock(executor) {
    for (const DatagramSocket& socket : sockets) open.emplace_back(executor, socket);
  }

  asio::awaitable<void> receive(Open& socket);
  asio::awaitable<void> watch();
  bool take_round(Open& socket);
  void look_for_drops(Open& socket);
  std::size_t pass_on(std::size_t first, std::size_t count);
  void give(Batch&& batch, std::uint64_t datagrams, std::uint64_t received);
  void are_lost(std::uint64_t count, const std::string& whose);
  void close();

  Sequencer& sequencer;
  DatagramSource source;
  Round round;
  asio::steady_timer clock;
  std::deque<Open> open;
  Complaints complaints;
  bool closed = false;
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> bytes{0};
};

Datagrams::Datagrams(const Config& config, asio::any_io_executor executor, Sequencer& sequencer,
                     std::vector<DatagramSocket> sockets, std::size_t largest,
                     DatagramSource source)
    : shared_(std::make_shared<Shared>(config, executor, sequencer, sockets, largest,
                                       std::move(source))) {
  for (Open& socket : shared_->open) {
    asio::co_spawn(
        executor, [shared = shared_, &socket] { return shared->receive(socket); }, must_go_on);
  }
  asio::co_spawn(
      executor, [shared = shared_] { return shared->watch(); }, must_go_on);
}

Datagrams::~Datagrams() {
  close();
}

void Datagrams::stop() {
  for (Open& socket : shared_->open) {
    for (int i = 0; i < kLastRounds && shared_->take_round(socket); ++i) continue;
  }
  shared_->close();
}

bool Datagrams::read_out() const {
  return shared_->closed;
}

void Datagrams::close() {
  shared_->close();
}

InputCounters Datagrams::counters() const {
  return {0, 0, 0, shared_->events, shared_->refused, shared_->dropped, shared_->bytes};
}

void Datagrams::Shared::close() {
  boost::system::error_code ignored;
  for (Open& socket : open) {
    if (!socket.descriptor.is_open()) continue;
    look_for_drops(socket);
    socket.descriptor.close(ignored);
  }
  closed = true;
  clock.cancel();
}

asio::awaitable<void> Datagrams::Shared::receive(Open& socket) {
  while (socket.descriptor.is_open()) {
    const auto [error] = co_await socket.descriptor.async_wait(
        asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (!error) take_round(socket);
  }
}

// What the kernel drops while nothing follows is noticed by looking.
asio::awaitable<void> Datagrams::Shared::watch() {
  while (!closed) {
    clock.expires_after(kLookForDrops);
    co_await clock.async_wait(asio::as_tuple(asio::use_awaitable));
    if (closed) co_return;
    for (Open& socket : open) look_for_drops(socket);
  }
}

bool Datagrams::Shared::take_round(Open& socket) {
  if (!socket.descriptor.is_open()) return false;
  const std::size_t count = round.receive(socket.descriptor.native_handle());
  for (std::size_t at = 0; at < count;) at = pass_on(at, count);
  if (count == kRound) look_for_drops(socket);
  return count > 0;
}

void Datagrams::Shared::look_for_drops(Open& socket) {
  const std::uint32_t now = dropped_by_kernel(socket.descriptor.native_handle());
  const std::uint32_t since = now - std::exchange(socket.dropped, now);
  const std::int64_t until_ns = read_clocks().wall_ns;
  const std::int64_t since_ns = std::min(std::exchange(socket.looked_ns, until_ns), until_ns);
  if (since == 0) return;
  are_lost(since, *socket.listener);
  // Of times before 1970 a gap record says nothing.
  sequencer.lose(socket.listener,
                 {since, "kernel_drop",
                  attest::GapSpan{std::max<std::int64_t>(since_ns, 0),
                                  std::max<std::int64_t>(until_ns, 0)}});
}

// The run of one sender that begins at `first`; where it ends.
std::size_t Datagrams::Shared::pass_on(std::size_t first, std::size_t count) {
  const ClockReading clocks = read_clocks();
  Batch batch;
  batch.clocks = clocks;
  batch.source = source(round.header(first));
  std::uint64_t cut = 0;
  std::size_t at = first;
  for (; at < count && (at == first || source(round.header(at)) == batch.source); ++at) {
    if (round.is_cut(at)) {
      ++cut;
      continue;
    }
    const attest::ByteView datagram = round.bytes(at);
    batch.items.push_back({attest::Kind::event, static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(datagram.size()), clocks.wall_ns});
    batch.bytes.insert(batch.bytes.end(), datagram.begin(), datagram.end());
  }
  const std::uint64_t datagrams = batch.items.size(), received = batch.bytes.size();
  if (cut > 0) {
    refused += cut;
    complaints.say(*batch.source + ": a datagram is longer than limits.max_event_bytes");
    const std::string gap = encode(attest::Gap{cut, "too_long"});
    batch.items.push_back({attest::Kind::gap, static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(gap.size()), clocks.wall_ns});
    batch.bytes.insert(batch.bytes.end(), gap.begin(), gap.end());
  }
  give(std::move(batch), datagrams, received);
  return at;
}

// To the sequencer; what it has no room for, nor drops as [on] says, is lost.
void Datagrams::Shared::give(Batch&& batch, std::uint64_t datagrams, std::uint64_t received) {
  batch.dropped = [self = shared_from_this(), datagrams, whose = batch.source] {
    self->are_lost(datagrams, *whose);
  };
  if (sequencer.submit(std::move(batch), {})) {
    events += datagrams;
    bytes += received;
    return;
  }
  sequencer.lose(batch);
  are_lost(datagrams, *batch.source);  // counted once it is on record why
}

void Datagrams::Shared::are_lost(std::uint64_t count, const std::string& whose) {
  if (count == 0) return;
  dropped += count;
  complaints.say(whose + ": datagrams are lost, a gap record says how many");
}

}  // namespace stele::daemon
