// Goal: each datagram that the kernel dropped at a passed socket is told once, whoever ran when it
// was dropped, and no other socket's drops are taken for it. Method: what is known, seen and
// followed on paper, at every edge; the kernel's own counts at real sockets; real sockets that
// outlive the inputs they are passed to, over one log.
#include "daemon/ingest/passed_drops.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "daemon/boot_id.h"
#include "daemon/ingest/position.h"
#include "daemon/ingest/udp.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

const std::string kThisBoot = "11111111-2222-3333-4444-555555555555";
const std::string kOtherBoot = "11111111-2222-3333-4444-555555555556";
constexpr std::int64_t kBootNs = 1000;

std::string known_as(const std::map<std::uint64_t, DropTotal>& sockets,
                     const std::string& boot = kThisBoot) {
  return DropTotals{boot, sockets}.encoded();
}

TEST(PassedDrops, WhatWasDroppedSinceIsAGapFromThenToNow) {
  DropTotal known{812, 5000};
  const auto gap = drops_since(known, {820, 7000}, 7001);
  ASSERT_TRUE(gap);
  EXPECT_EQ(encode(*gap),
            R"({"lost":8,"reason":"kernel_drop","since_ns":5000,"until_ns":7001})");
  EXPECT_EQ(known, (DropTotal{820, 7000}));
  EXPECT_FALSE(drops_since(known, {820, 9000}, 9001)) << "told already";
  EXPECT_EQ(known, (DropTotal{820, 9000})) << "looked at, and nothing was dropped until then";
}

TEST(PassedDrops, TheKernelsCountGoesRound) {
  DropTotal known{~0u - 2, 5000};
  const auto gap = drops_since(known, {4, 6000}, 6000);
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->lost, 7u);
}

// A gap record of any other span would be refused by whoever reads it.
TEST(PassedDrops, ASpanIsOneWhateverTheClockDoes) {
  for (const std::int64_t seen_ns : {std::int64_t{0}, std::int64_t{5000},
                                     std::numeric_limits<std::int64_t>::max()}) {
    for (const std::int64_t until_ns :
         {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0},
          std::int64_t{4000}, std::numeric_limits<std::int64_t>::max()}) {
      DropTotal known{0, seen_ns};
      const auto gap = drops_since(known, {1, until_ns}, until_ns);
      ASSERT_TRUE(gap && gap->span);
      EXPECT_EQ(gap->span->since_ns, std::min(seen_ns, gap->span->until_ns));
      EXPECT_EQ(gap->span->until_ns, std::max<std::int64_t>(until_ns, 0));
      EXPECT_GE(known.seen_ns, 0);
      EXPECT_TRUE(attest::decode_gap(attest::view(encode(*gap))));
    }
  }
}

TEST(PassedDrops, OfASocketThatTheLogDoesNotKnowAllIsLostSinceTheBoot) {
  for (const std::string& position :
       {std::string(), known_as({{7, {812, 5000}}}), known_as({{8, {812, 5000}}}, kOtherBoot),
        known_as({{8, {812, 5000}}}) + ",", std::string("what nobody wrote")}) {
    PassedDrops drops(kThisBoot, kBootNs, position);
    EXPECT_TRUE(drops.empty());
    DropTotal* const known = drops.follow(8, 900);
    ASSERT_TRUE(known) << position;
    EXPECT_EQ(*known, (DropTotal{0, kBootNs})) << position;
    EXPECT_FALSE(drops.empty());
  }
}

TEST(PassedDrops, AnotherLifeGoesOnFromWhatTheLogKnows) {
  PassedDrops first(kThisBoot, kBootNs, "");
  DropTotal* const known = first.follow(8, 900);
  ASSERT_TRUE(known && drops_since(*known, {900, 7000}, 7001));
  EXPECT_EQ(first.position(), known_as({{8, {900, 7000}}}));
  PassedDrops second(kThisBoot, kBootNs, first.position());
  EXPECT_TRUE(second.empty());
  DropTotal* const again = second.follow(8, 900);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, (DropTotal{900, 7000}));
  EXPECT_FALSE(drops_since(*again, {900, 8000}, 8001));
  EXPECT_EQ(drops_since(*again, {903, 9000}, 9001)->lost, 3u);
  EXPECT_EQ(second.position(), known_as({{8, {903, 9000}}}));
}

// Two descriptors of one socket: what one of them has told, the other does not tell again.
TEST(PassedDrops, ASocketThatIsPassedTwiceIsCountedOnce) {
  PassedDrops drops(kThisBoot, kBootNs, known_as({{8, {812, 5000}}}));
  DropTotal* const one = drops.follow(8, 820);
  EXPECT_EQ(one, drops.follow(8, 820));
  EXPECT_TRUE(drops_since(*one, {820, 7000}, 7001));
  EXPECT_EQ(drops.follow(8, 820), one);
  EXPECT_EQ(*one, (DropTotal{820, 7000}));
}

// The memory of a machine was put back, the log was not: cookies are given once more.
TEST(PassedDrops, ATotalThatFellIsAnotherSockets) {
  for (const std::uint32_t now : {0u, 811u, 812u + (1u << 31)}) {
    PassedDrops drops(kThisBoot, kBootNs, known_as({{8, {812, 5000}}}));
    EXPECT_EQ(*drops.follow(8, now), (DropTotal{0, kBootNs})) << now;
  }
  for (const std::uint32_t now : {812u, 813u, 811u + (1u << 31)}) {
    PassedDrops drops(kThisBoot, kBootNs, known_as({{8, {812, 5000}}}));
    EXPECT_EQ(*drops.follow(8, now), (DropTotal{812, 5000})) << now;
  }
}

TEST(PassedDrops, WhatIsNotPassedThisTimeIsNotForgotten) {
  PassedDrops drops(kThisBoot, kBootNs, known_as({{8, {812, 5000}}, {9, {3, 5000}}}));
  drops.follow(9, 3);
  drops.follow(10, 0);
  EXPECT_EQ(drops.position(),
            known_as({{8, {812, 5000}}, {9, {3, 5000}}, {10, {0, kBootNs}}}));
}

TEST(PassedDrops, WhereThereAreTooManyTheOldestThatAreNotPassedAreForgotten) {
  std::map<std::uint64_t, DropTotal> sockets;
  for (std::uint64_t cookie = 1; cookie <= kMaxDropTotals; ++cookie) sockets[cookie] = {1, 5000};
  PassedDrops drops(kThisBoot, kBootNs, known_as(sockets));
  EXPECT_EQ(*drops.follow(1000, 0), (DropTotal{0, kBootNs}));
  EXPECT_EQ(*drops.follow(1001, 0), (DropTotal{0, kBootNs}));
  EXPECT_EQ(*drops.follow(1, 1), (DropTotal{1, 5000})) << "known, whoever was followed before it";
  sockets[1000] = sockets[1001] = {0, kBootNs};
  sockets.erase(2);
  sockets.erase(3);
  EXPECT_EQ(drops.position(), known_as(sockets));
  EXPECT_EQ(drops.position(), known_as(sockets)) << "and no more than that";
}

TEST(PassedDrops, MoreThanArePassedCannotBeFollowed) {
  PassedDrops drops(kThisBoot, kBootNs, "");
  for (std::uint64_t cookie = 1; cookie <= kMaxDropTotals; ++cookie) {
    EXPECT_TRUE(drops.follow(cookie, 0));
  }
  EXPECT_FALSE(drops.follow(kMaxDropTotals + 1, 0));
  EXPECT_TRUE(drops.follow(1, 0)) << "it is followed";
  EXPECT_EQ(parse_drop_totals(drops.position())->sockets.size(), kMaxDropTotals);
}

TEST(PassedDrops, WithoutTheBootsIdNothingIsFollowed) {
  PassedDrops drops("", kBootNs, "");
  EXPECT_FALSE(drops.follow(8, 900));
  EXPECT_TRUE(drops.empty());
}

// A UDP socket with room for a datagram or two, which outlives whom it is passed to; and who sends
// to it.
class KeptSocket {
 public:
  KeptSocket() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    const int least = 1;
    EXPECT_EQ(::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &least, sizeof least), 0);
    EXPECT_EQ(::connect(sender_, reinterpret_cast<sockaddr*>(&address), length), 0);
  }
  ~KeptSocket() {
    ::close(fd_);
    ::close(sender_);
  }
  KeptSocket(const KeptSocket&) = delete;
  int pass() const { return ::fcntl(fd_, F_DUPFD_CLOEXEC, 0); }
  int fd() const { return fd_; }
  void send(int count) {
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(::send(sender_, "datagram", 8, 0), 8);
      ++sent_;
    }
  }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t dropped() const { return dropped_by_kernel(fd_).value(); }

 private:
  int fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int sender_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::uint64_t sent_ = 0;
};

TEST(PassedDrops, TheKernelSaysWhichSocketItIsAndWhatItDropped) {
  KeptSocket one, two;
  const int again = one.pass();
  ASSERT_TRUE(cookie_of(one.fd()));
  EXPECT_EQ(cookie_of(one.fd()), cookie_of(again));
  EXPECT_NE(cookie_of(one.fd()), cookie_of(two.fd()));
  EXPECT_EQ(dropped_by_kernel(one.fd()), 0u);
  one.send(100);
  EXPECT_GT(one.dropped(), 50u) << "there was room for so many";
  EXPECT_EQ(dropped_by_kernel(again), one.dropped());
  EXPECT_EQ(dropped_by_kernel(two.fd()), 0u);
  ::close(again);
  EXPECT_FALSE(cookie_of(-1));
  EXPECT_FALSE(dropped_by_kernel(-1));
  EXPECT_TRUE(is_boot_id(read_boot_id()));
}

// A log, and the lives of UDP inputs over it.
struct Lives {
  Datagrams& begin(const std::vector<const KeptSocket*>& sockets) {
    std::vector<int> passed;
    for (const KeptSocket* socket : sockets) passed.push_back(socket->pass());
    const std::uint64_t before = positions();
    Datagrams& udp = bed.open<Datagrams>([&](auto executor, Sequencer& sequencer) {
      return make_udp(bed.config(), executor, sequencer, passed);
    });
    bed.await([&] { return positions() > before; });
    return udp;
  }
  void end(Datagrams& udp) {
    const std::int64_t end_ns = now_ns();
    bed.on_loop([&] { udp.stop(); });
    bed.await([&] { return newest_look_ns() >= end_ns; });  // its last word is durable
  }
  std::int64_t newest_look_ns() const {
    std::int64_t newest_ns = 0;
    const auto position = newest_position(bed.sequencer().store(), PassedDrops::kInput);
    const DropTotals totals = parse_drop_totals(position.value().value).value();
    for (const auto& [cookie, total] : totals.sockets) {
      newest_ns = std::max(newest_ns, total.seen_ns);
    }
    return newest_ns;
  }
  // Records that state a position, whatever else they are.
  std::uint64_t positions() const {
    std::uint64_t count = 0;
    const storage::Store& store = bed.sequencer().store();
    store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
      count += position_in(record.tlvs, PassedDrops::kInput) ? 1u : 0u;
      return true;
    });
    return count;
  }
  std::vector<attest::Gap> gaps() const {
    std::vector<attest::Gap> out;
    for (const std::string& record : bed.records()) {
      if (!record.starts_with("gap:")) continue;
      out.push_back(attest::decode_gap(attest::view(record.substr(4))).value());
      EXPECT_EQ(out.back().reason, "kernel_drop");
    }
    return out;
  }
  std::vector<std::uint64_t> lost() const {
    std::vector<std::uint64_t> out;
    for (const attest::Gap& gap : gaps()) out.push_back(gap.lost);
    return out;
  }
  std::uint64_t lost_in_all() const {
    const auto all = lost();
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
  }
  mutable test::IngestBed bed{[](Config& config) { config.receive_buffer = 4096; }};
};

TEST(PassedDrops, WhatTheKernelDroppedWhileNobodyRanIsRecordedOnce) {
  const std::int64_t begin_ns = now_ns();
  Lives t;
  KeptSocket socket;
  socket.send(100);
  const std::uint64_t first = socket.dropped();
  Datagrams& udp = t.begin({&socket});
  EXPECT_EQ(t.lost(), (std::vector<std::uint64_t>{first}));
  EXPECT_EQ(udp.counters().dropped, first);
  EXPECT_EQ(t.bed.sequencer().status().dropped.at("kernel_drop"), first);
  EXPECT_LT(t.gaps().front().span->since_ns, begin_ns) << "since the boot";
  t.end(udp);

  const std::int64_t between_ns = now_ns();
  Datagrams& again = t.begin({&socket});
  t.end(again);
  EXPECT_EQ(t.lost(), (std::vector<std::uint64_t>{first})) << "told again";

  socket.send(70);
  Datagrams& third = t.begin({&socket});
  EXPECT_EQ(t.lost(), (std::vector<std::uint64_t>{first, socket.dropped() - first}));
  EXPECT_GE(t.gaps().back().span->since_ns, between_ns) << "since the last life's end";
  EXPECT_LE(t.gaps().back().span->until_ns, now_ns());
  t.bed.await([&] { return t.bed.events().size() + socket.dropped() == socket.sent(); });
  t.end(third);
}

TEST(PassedDrops, WhatIsCountedInALifeIsNotToldByTheNext) {
  Lives t;
  KeptSocket socket;
  Datagrams& udp = t.begin({&socket});
  for (int round = 0; round < 3; ++round) {
    t.bed.on_loop([&] { socket.send(200); });  // nobody reads meanwhile
    t.bed.await([&] { return t.bed.events().size() + t.lost_in_all() == socket.sent(); });
  }
  EXPECT_EQ(t.lost_in_all(), socket.dropped());
  t.end(udp);
  t.end(t.begin({&socket}));
  EXPECT_EQ(t.lost_in_all(), socket.dropped());
}

TEST(PassedDrops, NothingDroppedIsNoGap) {
  Lives t;
  KeptSocket socket;
  for (int life = 0; life < 3; ++life) {
    Datagrams& udp = t.begin({&socket});
    socket.send(1);
    t.bed.await([&] { return t.bed.events().size() == socket.sent(); });
    t.end(udp);
  }
  EXPECT_TRUE(t.lost().empty());
  EXPECT_EQ(socket.dropped(), 0u);
}

TEST(PassedDrops, EachOfSeveralSocketsIsCountedForItself) {
  Lives t;
  KeptSocket one, two;
  one.send(50);
  t.end(t.begin({&one}));
  two.send(60);
  t.end(t.begin({&two}));
  one.send(70);
  two.send(80);
  Datagrams& udp = t.begin({&two, &one, &one});
  t.end(udp);
  EXPECT_EQ(t.lost_in_all(), one.dropped() + two.dropped());
  t.end(t.begin({&one, &two}));
  EXPECT_EQ(t.gaps().size(), 4u);
}

}  // namespace
}  // namespace stele::daemon
