// Goal: a datagram is an event to the byte, stamped with what the kernel says of its sender; none
// is lost in silence, whatever floods. Method: real datagrams against inputs, sequencer and store
// of the test's own; sent is compared with stored and recorded as lost.
#include "daemon/ingest/datagrams.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "attest/gap.h"
#include "daemon/ingest/udp.h"
#include "daemon/ingest/unix_datagram.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

using test::IngestBed;

class Sender {
 public:
  explicit Sender(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  explicit Sender(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Sender() { ::close(fd_); }
  bool send(const std::string& bytes, int flags = 0) {
    return ::send(fd_, bytes.data(), bytes.size(), flags) == static_cast<ssize_t>(bytes.size());
  }
  void send_with_descriptor(const std::string& bytes, int passed) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof passed)]{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof passed);
    std::memcpy(CMSG_DATA(rights), &passed, sizeof passed);
    EXPECT_GT(::sendmsg(fd_, &header, 0), 0);
  }

 private:
  int fd_;
};

// A UDP socket of our own, passed on as systemd would: so the test knows its port.
std::pair<int, std::uint16_t> bound_udp() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  return {fd, ntohs(address.sin_port)};
}

struct DatagramBed {
  explicit DatagramBed(std::function<void(Config&)> configure = [](Config&) {})
      : bed([&](Config& config) {
          config.listen_unix_datagram = scratch / "log";
          config.listen_unix_datagram_mode = 0600;
          configure(config);
        }) {
    const auto [fd, port] = bound_udp();
    udp_port = port;
    udp = &bed.open<Datagrams>([&, passed = fd](auto executor, Sequencer& sequencer) {
      return make_udp(bed.config(), executor, sequencer, {passed});
    });
    local = &bed.open<Input>([&](auto executor, Sequencer& sequencer) {
      return make_unix_datagram(bed.config(), executor, sequencer);
    });
  }
  const std::string& path() const { return bed.config().listen_unix_datagram; }
  std::uint64_t count(const std::string& record) const {
    const auto records = bed.records();
    return static_cast<std::uint64_t>(std::count(records.begin(), records.end(), record));
  }
  std::vector<attest::Gap> gaps() const {
    std::vector<attest::Gap> out;
    for (const std::string& record : bed.records()) {
      if (record.starts_with("gap:"))
        out.push_back(attest::decode_gap(attest::view(record.substr(4))).value());
    }
    return out;
  }
  std::uint64_t recorded_as_lost() const {
    std::uint64_t lost = 0;
    for (const attest::Gap& gap : gaps()) lost += gap.lost;
    return lost;
  }
  test::Scratch scratch;
  IngestBed bed;
  std::uint16_t udp_port = 0;
  Datagrams* udp = nullptr;
  Input* local = nullptr;
};

TEST(Datagrams, EachIsAnEventToTheByte) {
  DatagramBed t;
  const std::vector<std::string> events{
      "<34>1 - one",  "lf at the end\n",       "", std::string("\0nul\0", 5),
      "\xff\xfe\r\n", std::string(60'000, 'x')};
  Sender over_udp(t.udp_port), over_unix(t.path());
  for (const std::string& event : events) {
    EXPECT_TRUE(over_udp.send(event));
    EXPECT_TRUE(over_unix.send(event));
  }
  t.bed.await([&] { return t.bed.events().size() == 2 * events.size(); });
  for (const std::string& event : events) EXPECT_EQ(t.count("event:" + event), 2u);
  EXPECT_EQ(t.udp->counters().events, events.size());
  EXPECT_EQ(t.local->counters().events, events.size());
}

TEST(Datagrams, TheKernelSaysWhoSentThem) {
  DatagramBed t;
  Sender(t.udp_port).send("one");
  Sender(t.path()).send("two");
  Sender(t.udp_port).send("three");
  t.bed.await([&] { return t.bed.events().size() == 3; });
  EXPECT_EQ(t.count("source:{\"address\":\"127.0.0.1\",\"transport\":\"udp\"}"), 1u);
  EXPECT_EQ(
      t.count("source:{\"gid\":" + std::to_string(::getegid()) +
              ",\"pid\":" + std::to_string(::getpid()) +
              ",\"transport\":\"unix_datagram\",\"uid\":" + std::to_string(::geteuid()) + "}"),
      1u);
}

TEST(Datagrams, WhatIsTooLongIsRecordedAndItsNeighboursAreTaken) {
  DatagramBed t([](Config& config) { config.max_event_bytes = 10; });
  Sender sender(t.path());
  for (const char* event : {"0123456789", "0123456789x", "after"}) sender.send(event);
  t.bed.await([&] { return t.recorded_as_lost() == 1 && t.bed.events().size() == 2; });
  EXPECT_EQ(t.bed.events(), (std::vector<std::string>{"0123456789", "after"}));
  EXPECT_EQ(t.count("gap:{\"lost\":1,\"reason\":\"too_long\"}"), 1u);
  EXPECT_EQ(t.local->counters().refused, 1u);
}

TEST(Datagrams, DescriptorsThatASenderPassesAlongAreNotKept) {
  DatagramBed t;
  const auto open = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  Sender sender(t.path());
  const auto before = open();
  for (int i = 0; i < 20; ++i) sender.send_with_descriptor("with a gift", STDIN_FILENO);
  t.bed.await([&] { return t.bed.events().size() == 20; });
  EXPECT_EQ(open(), before);
}

TEST(Datagrams, WhatFindsNoRoomIsRecordedAsLostAndNothingElseIs) {
  const std::int64_t begin = read_clocks().wall_ns;
  DatagramBed t([](Config& config) { config.queue_records = 1; });  // room for one batch at a time
  Sender over_udp(t.udp_port), over_unix(t.path());
  std::uint64_t sent = 0;
  const auto dropped = [&] { return t.udp->counters().dropped + t.local->counters().dropped; };
  t.bed.await([&] {
    for (int i = 0; i < 200; ++i) {
      sent += over_udp.send("flood " + std::to_string(sent)) ? 1u : 0u;
      sent += over_unix.send("flood " + std::to_string(sent)) ? 1u : 0u;
    }
    return dropped() > 100;
  });
  t.bed.await([&] { return t.bed.events().size() + t.recorded_as_lost() == sent; });
  EXPECT_EQ(t.recorded_as_lost(), dropped());
  EXPECT_EQ(t.bed.sequencer().status().dropped,
            (std::map<std::string, std::uint64_t>{{"queue_overflow", dropped()}}));
  EXPECT_EQ(t.bed.events().size(), t.udp->counters().events + t.local->counters().events);
  for (const attest::Gap& gap : t.gaps()) {
    ASSERT_TRUE(gap.span);
    EXPECT_TRUE(begin <= gap.span->since_ns && gap.span->since_ns <= gap.span->until_ns &&
                gap.span->until_ns <= read_clocks().wall_ns);
  }
  Sender(t.path()).send("and on it goes");
  t.bed.await([&] { return t.count("event:and on it goes") == 1; });
}

TEST(Datagrams, WhatTheKernelDroppedIsRecordedThoughNothingFollows) {
  DatagramBed t([](Config& config) { config.receive_buffer = 4096; });
  Sender sender(t.udp_port);
  std::uint64_t sent = 0;
  // The loop stands still, and the kernel's buffer runs over.
  t.bed.on_loop([&] {
    for (; sent < 500; ++sent) sender.send(std::string(500, 'x'));
  });
  t.bed.await([&] { return t.bed.events().size() + t.recorded_as_lost() == sent; });
  EXPECT_GT(t.recorded_as_lost(), 100u);
  std::uint64_t by_kernel = 0;
  for (const attest::Gap& gap : t.gaps()) {
    if (gap.reason != "kernel_drop") continue;
    by_kernel += gap.lost;
    EXPECT_TRUE(gap.span && gap.span->since_ns <= gap.span->until_ns);
  }
  EXPECT_GT(by_kernel, 100u);
  EXPECT_EQ(t.bed.sequencer().status().dropped.at("kernel_drop"), by_kernel);
  EXPECT_EQ(t.count("source:{\"listener\":\"127.0.0.1:" + std::to_string(t.udp_port) +
                    "\",\"transport\":\"udp\"}"),
            1u);
}

TEST(Datagrams, WhileTheDiskIsLowTheyAreLostForThatReason) {
  DatagramBed t([](Config& config) { config.on_disk_low = OnTrouble::suspend; });
  Sender sender(t.path());
  t.bed.sequencer().set_disk_low(true);
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(sender.send("into a low disk"));
  t.bed.await([&] { return t.local->counters().dropped == 7; });
  t.bed.sequencer().set_disk_low(false);
  sender.send("room again");
  t.bed.await([&] { return t.recorded_as_lost() == 7 && t.bed.events().size() == 1; });
  for (const attest::Gap& gap : t.gaps()) EXPECT_EQ(gap.reason, "disk_low");
  EXPECT_EQ(t.bed.sequencer().status().dropped,
            (std::map<std::string, std::uint64_t>{{"disk_low", 7}}));
}

TEST(Datagrams, WhatIsLostLastIsRecordedBeforeTheEnd) {
  DatagramBed t([](Config& config) { config.on_disk_low = OnTrouble::suspend; });
  t.bed.sequencer().set_disk_low(true);
  Sender(t.path()).send("lost");
  t.bed.await([&] { return t.local->counters().dropped == 1; });
  t.bed.on_loop([&] { t.local->stop(); });
  t.bed.sequencer().stop_dropping();
  t.bed.sequencer().drain();
  EXPECT_EQ(t.recorded_as_lost(), 1u);
}

TEST(Datagrams, StoppingReadsOutWhatHasArrived) {
  DatagramBed t;
  Sender over_udp(t.udp_port), over_unix(t.path());
  t.bed.on_loop([&] {
    for (int i = 0; i < 9; ++i) EXPECT_TRUE(over_udp.send("u") && over_unix.send("x"));
    t.udp->stop();
    t.local->stop();
  });
  t.bed.await([&] {
    bool read_out = false;
    t.bed.on_loop([&] { read_out = t.udp->read_out() && t.local->read_out(); });
    return read_out;
  });
  t.bed.await([&] { return t.bed.events().size() == 18; });
  EXPECT_FALSE(std::filesystem::exists(t.path())) << "our own socket is removed";
  EXPECT_FALSE(over_unix.send("nobody"));
}

TEST(Datagrams, ADeadDaemonsSocketIsReplacedALivingOnesIsNot) {
  DatagramBed t;
  const auto again = [&] {
    t.bed.open<Input>([&](auto executor, Sequencer& sequencer) {
      return make_unix_datagram(t.bed.config(), executor, sequencer);
    });
  };
  try {
    again();
    FAIL() << "two at one path";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
  }
  t.bed.on_loop([&] { t.local->close(); });
  const int dead = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  t.path().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  again();
  Sender(t.path()).send("served again");
  t.bed.await([&] { return t.count("event:served again") == 1; });
}

}  // namespace
}  // namespace stele::daemon
