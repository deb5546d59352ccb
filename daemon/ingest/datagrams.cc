#include "daemon/ingest/datagrams.h"

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
#include <optional>
#include <utility>

#include "attest/gap.h"
#include "daemon/ingest/complaints.h"
#include "daemon/ingest/passed_drops.h"
#include "daemon/ingest/position.h"
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
        own{dropped_by_kernel(socket.fd).value_or(0), std::max<std::int64_t>(now_ns(), 0)} {}
  // What the log knows of this socket's drops, or is on its way to.
  DropTotal& counted() { return followed != nullptr ? *followed : own; }

  asio::posix::stream_descriptor descriptor;
  std::shared_ptr<const std::string> listener;
  DropTotal own;                  // from here on, of a socket that ends with the daemon
  DropTotal* followed = nullptr;  // one that does not
};

}  // namespace

struct Datagrams::Shared : std::enable_shared_from_this<Datagrams::Shared> {
  Shared(const Config& config, const asio::any_io_executor& executor, Sequencer& sequencer_,
         const std::vector<DatagramSocket>& sockets, std::size_t largest, DatagramSource source_)
      : sequencer(sequencer_),
        source(std::move(source_)),
        round(std::min<std::size_t>(largest, config.max_event_bytes)),
        clock(executor) {
    for (const DatagramSocket& socket : sockets) {
      open.emplace_back(executor, socket);
      if (socket.passed) follow(open.back());
    }
    // Before anything is counted: what the log does not have yet.
    for (Open& socket : open) look_for_drops(socket);
    if (stated_at == 0) state_position();
  }

  asio::awaitable<void> receive(Open& socket);
  asio::awaitable<void> watch();
  bool take_round(Open& socket);
  void follow(Open& socket);
  void look_for_drops(Open& socket);
  void tell_of_drops(const Open& socket, const attest::Gap& gap);
  void state_position();
  std::size_t pass_on(std::size_t first, std::size_t count);
  void give(Batch&& batch, std::uint64_t datagrams, std::uint64_t received);
  void are_lost(std::uint64_t count, const std::string& whose);
  void close();

  Sequencer& sequencer;
  DatagramSource source;
  Round round;
  asio::steady_timer clock;
  std::deque<Open> open;
  std::optional<PassedDrops> passed;
  std::uint64_t stated_at = 0;  // log size when their position was stated
  // Still so where memory ran out in the middle: what the log was told it knows alone, and the next
  // life asks it.
  bool telling = false;
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
  if (!std::exchange(closed, true)) state_position();  // up to here; the next life goes on from it
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
    if (sequencer.head().size - stated_at >= kPositionRenewal) state_position();
  }
}

bool Datagrams::Shared::take_round(Open& socket) {
  if (!socket.descriptor.is_open()) return false;
  const std::size_t count = round.receive(socket.descriptor.native_handle());
  for (std::size_t at = 0; at < count;) at = pass_on(at, count);
  if (count == kRound) look_for_drops(socket);
  return count > 0;
}

// Of a socket that cannot be told from others, what was dropped before is left out: it may be in
// the log already.
void Datagrams::Shared::follow(Open& socket) {
  const int fd = socket.descriptor.native_handle();
  const auto cookie = cookie_of(fd);
  const auto total = dropped_by_kernel(fd);
  if (cookie && total) {
    if (!passed) passed.emplace(resume_passed_drops(sequencer.store()));
    socket.followed = passed->follow(*cookie, *total);
  }
  if (socket.followed != nullptr) return;
  const char* const why =
      cookie && total ? "too many are passed" : "the kernel does not say which it is";
  log(Priority::warning, *socket.listener + ": this passed socket is not followed over restarts (" +
                             why + "): " + std::to_string(socket.own.dropped) +
                             " datagrams that the kernel dropped before are not recorded now");
}

void Datagrams::Shared::look_for_drops(Open& socket) {
  if (telling) return;
  DropTotal now{0, now_ns()};  // what is dropped until the count below lies in both spans
  const auto total = dropped_by_kernel(socket.descriptor.native_handle());
  if (!total) return;
  now.dropped = *total;
  telling = true;
  const auto gap = drops_since(socket.counted(), now, now_ns());
  if (gap) tell_of_drops(socket, *gap);
  telling = false;
}

void Datagrams::Shared::tell_of_drops(const Open& socket, const attest::Gap& gap) {
  std::optional<DropLedger::Position> counted_to;
  if (socket.followed != nullptr) {
    counted_to = DropLedger::Position{std::string(PassedDrops::kInput), passed->position()};
    stated_at = sequencer.head().size;
  }
  sequencer.lose(socket.listener, gap, counted_to);
  are_lost(gap.lost, *socket.listener);  // counted once it is on record why
}

// How far the passed sockets are counted, though nothing was lost since that was last stated.
void Datagrams::Shared::state_position() {
  if (telling || !passed || passed->empty()) return;
  sequencer.state_position({std::string(PassedDrops::kInput), passed->position()});
  stated_at = sequencer.head().size;
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
