// Goal: through TCP events come out byte exact in both framings, stamped with what the kernel says
// of the peer, and no sender, slow, silent, rude or many, harms another or goes unrecorded. Method:
// real clients against an input, sequencer and store of the test's own; the store is read
// afterwards.
#include "daemon/ingest/tcp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

using test::Client;
using test::IngestBed;

struct TcpBed {
  explicit TcpBed(std::function<void(Config&)> configure = [](Config&) {})
      : bed([&](Config& config) {
          config.listen_tcp = {"127.0.0.1:0"};
          configure(config);
        }),
        tcp(bed.open<TcpInput>([&](auto executor, Sequencer& sequencer) {
          return make_tcp(bed.config(), executor, sequencer);
        })) {}
  std::uint64_t count(const std::string& record) const {
    const auto records = bed.records();
    return static_cast<std::uint64_t>(std::count(records.begin(), records.end(), record));
  }
  IngestBed bed;
  TcpInput& tcp;
};

const std::string kTruncated = "gap:{\"lost\":1,\"reason\":\"truncated\"}";

TEST(Tcp, LinesAndCountedFramesComeOutByteExactFromTheirConnections) {
  TcpBed t;
  Client lines(t.tcp.port());
  lines.send(std::string("<34>1 one\r\n\n\0\xff nul\nlast", 23));
  lines.half_close();
  t.bed.await([&] { return t.bed.events().size() == 4; });
  EXPECT_EQ(t.bed.events(),
            (std::vector<std::string>{"<34>1 one\r", "", std::string("\0\xff nul", 6), "last"}));
  Client counted(t.tcp.port());
  counted.send("5 a\nb\nc1 \n4 last");
  counted.close();
  t.bed.await([&] { return t.bed.events().size() == 7; });
  EXPECT_EQ(t.bed.events()[4], "a\nb\nc");
  EXPECT_EQ(t.bed.events()[5], "\n");
  EXPECT_EQ(t.bed.events()[6], "last");
  t.bed.await([&] { return t.tcp.counters().open == 0; });
  EXPECT_EQ(t.tcp.counters().accepted, 2u);
  EXPECT_EQ(t.tcp.counters().events, 7u);
}

TEST(Tcp, OneSourceRecordNamesAnAddressWhateverItsPorts) {
  TcpBed t;
  for (std::uint64_t i = 0; i < 5; ++i) {
    Client client(t.tcp.port());
    client.send("hello\n");
    t.bed.await([&] { return t.bed.events().size() == i + 1; });
  }
  EXPECT_EQ(t.count("source:{\"address\":\"127.0.0.1\",\"transport\":\"tcp\"}"), 1u);
}

TEST(Tcp, LinesThatBeginWithANumberNeedTheFramingLf) {
  TcpBed t([](Config& config) { config.listen_tcp_framing = "lf"; });
  Client client(t.tcp.port());
  client.send("5 green bottles\n");
  t.bed.await([&] { return t.bed.events().size() == 1; });
  EXPECT_EQ(t.bed.events()[0], "5 green bottles");
}

TEST(Tcp, AResetInAFrameLosesThatFrameAndSaysSo) {
  TcpBed t;
  Client client(t.tcp.port());
  client.send("3 one100 half");
  t.bed.await([&] { return t.bed.events().size() == 1; });
  client.reset();
  t.bed.await([&] { return t.count(kTruncated) == 1; });
  EXPECT_EQ(t.bed.events(), (std::vector<std::string>{"one"}));
}

TEST(Tcp, AnEventLeftUnfinishedIsRefusedWhileOthersGoOn) {
  TcpBed t([](Config& config) { config.event_timeout = std::chrono::seconds(1); });
  Client slow(t.tcp.port());
  Client silent(t.tcp.port());
  slow.send("begun, not ended");
  silent.send("whole\n");
  EXPECT_EQ(slow.read_rest(), "") << "the connection is ended";
  t.bed.await([&] { return t.count(kTruncated) == 1; });
  silent.send("still here\n");
  t.bed.await([&] { return t.bed.events().size() == 2; });
  EXPECT_EQ(t.bed.events(), (std::vector<std::string>{"whole", "still here"}));
}

TEST(Tcp, AConnectionWithoutAWordIsEndedAndNothingIsRecorded) {
  // More than this process takes for its word; a sync may take longer.
  TcpBed t([](Config& config) { config.idle_timeout = std::chrono::seconds(5); });
  Client silent(t.tcp.port());
  Client once(t.tcp.port());
  once.send("a word\n");
  EXPECT_EQ(silent.read_rest(), "");
  EXPECT_EQ(once.read_rest(), "");
  t.bed.await([&] { return t.bed.events().size() == 1; });
  EXPECT_EQ(t.bed.events(), (std::vector<std::string>{"a word"}));
  EXPECT_EQ(t.count(kTruncated), 0u);
}

TEST(Tcp, OneAddressDoesNotTakeAllPlaces) {
  TcpBed t([](Config& config) {
    config.max_connections_per_address = 2;
    config.evict_after = std::chrono::hours(1);  // nobody goes (give_way_test.cc)
  });
  Client one(t.tcp.port());
  auto two = std::make_unique<Client>(t.tcp.port());
  t.bed.await([&] { return t.tcp.counters().open == 2; });
  Client three(t.tcp.port());
  EXPECT_EQ(three.read_rest(), "");
  EXPECT_EQ(t.tcp.counters().turned_away, 1u);
  two.reset();
  t.bed.await([&] { return t.tcp.counters().open == 1; });
  Client four(t.tcp.port());
  four.send("room again\n");
  t.bed.await([&] { return t.bed.events().size() == 1; });
}

TEST(Tcp, LongUnfinishedEventsTogetherStayWithinTheirLimit) {
  constexpr std::uint64_t kLimit = 2u << 20;
  TcpBed t([](Config& config) {
    config.unfinished_bytes = kLimit;
    config.evict_after = std::chrono::seconds(1);
  });
  const std::string part(768u << 10, 'x');
  std::vector<Client> hoarders;
  for (int i = 0; i < 12; ++i) {
    hoarders.emplace_back(t.tcp.port());
    hoarders.back().send("1000000 " + part);
  }
  // Two have turns, and lose them, each with its record, while others wait.
  t.bed.await([&] { return t.count(kTruncated) >= 10; });
  Client other(t.tcp.port());
  other.send("not hindered\n");
  t.bed.await([&] { return t.bed.events().size() == 1; });
  EXPECT_LE(t.count(kTruncated), 11u) << "no more are ended than the limit asks for";
}

TEST(Tcp, LongEventsOfManySendersWaitForEachOtherAndNoneIsLost) {
  TcpBed t([](Config& config) { config.unfinished_bytes = 2u << 20; });  // two at once
  constexpr std::size_t kSenders = 12;
  std::vector<std::thread> senders;
  for (std::size_t i = 0; i < kSenders; ++i) {
    senders.emplace_back([&t, i] {
      const std::string event((900u << 10) + i, 'x');
      Client client(t.tcp.port());
      client.send(std::to_string(event.size()) + " " + event);
    });
  }
  for (std::thread& sender : senders) sender.join();
  t.bed.await([&] { return t.bed.events().size() == kSenders; });
  EXPECT_EQ(t.tcp.counters().refused, 0u);
}

TEST(Tcp, TwoHundredSendersInterleavedKeepTheirOrder) {
  TcpBed t;
  constexpr std::size_t kSenders = 200, kEvents = 50;
  std::vector<Client> senders;
  for (std::size_t i = 0; i < kSenders; ++i) senders.emplace_back(t.tcp.port());
  for (std::size_t n = 0; n < kEvents; ++n) {
    for (std::size_t i = 0; i < kSenders; ++i) {
      const std::string event = std::to_string(i) + ":" + std::to_string(n);
      senders[i].send(i % 2 == 0 ? std::to_string(event.size()) + " " + event : "<" + event + "\n");
    }
  }
  t.bed.await([&] { return t.tcp.counters().events == kSenders * kEvents; });
  t.bed.await([&] { return t.bed.events().size() == kSenders * kEvents; });
  std::vector<std::size_t> next(kSenders);
  for (std::string event : t.bed.events()) {
    if (event.front() == '<') event.erase(0, 1);
    const std::size_t sender = std::stoul(event);
    EXPECT_EQ(event, std::to_string(sender) + ":" + std::to_string(next[sender]++));
  }
}

TEST(Tcp, ASenderThatFloodsDoesNotKeepOthersWaitingForItsEnd) {
  TcpBed t([](Config& config) { config.queue_bytes = 2u << 20; });
  std::atomic<bool> stop{false};
  std::thread flood([&] {
    Client client(t.tcp.port());
    const std::string lines = [] {
      std::string text;
      for (int i = 0; i < 2000; ++i) text += "flood flood flood flood\n";
      return text;
    }();
    while (!stop) client.send(lines);
  });
  t.bed.await([&] { return t.tcp.counters().events > 10'000; });
  Client quiet(t.tcp.port());
  for (int i = 0; i < 4; ++i) {
    Client unix_sender(t.bed.config().listen_unix);
    unix_sender.send("STELE/1 ack=durable\nover unix\n");
    EXPECT_NE(unix_sender.read_line().find("\"first\""), std::string::npos);
  }
  quiet.send("over tcp\n");
  quiet.half_close();
  EXPECT_EQ(quiet.read_rest(), "") << "it was read to its end while the flood goes on";
  stop = true;
  flood.join();
  t.bed.await([&] { return t.count("event:over tcp") == 1; });
}

TEST(Tcp, StoppingReadsOutWhatHasArrivedAndEndsNoEvent) {
  TcpBed t;
  Client client(t.tcp.port());
  client.send("<1>whole\n<1>half");
  t.bed.await([&] { return t.bed.events().size() == 1; });
  t.bed.on_loop([&] { t.tcp.stop(); });
  t.bed.await([&] {
    bool read_out = false;
    t.bed.on_loop([&] { read_out = t.tcp.read_out(); });
    return read_out && t.count(kTruncated) == 1;
  });
  EXPECT_EQ(t.bed.events(), (std::vector<std::string>{"<1>whole"}));
  EXPECT_THROW(Client another(1), std::runtime_error);
}

TEST(Tcp, AnAddressInUseIsNamedWithWhatToDo) {
  TcpBed t;
  Config config;
  config.listen_tcp = {"127.0.0.1:" + std::to_string(t.tcp.port())};
  try {
    t.bed.open<TcpInput>(
        [&](auto executor, Sequencer& sequencer) { return make_tcp(config, executor, sequencer); });
    FAIL() << "two on one port";
  } catch (const ListenError& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(error.what()).find("stop whoever has it"), std::string::npos);
  }
}

}  // namespace
}  // namespace stele::daemon
