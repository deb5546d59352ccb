// Goal: through a real socket events come out byte exact and in order, acknowledgements tell the
// truth, and no sender, slow, rude or gone, harms another. Method: real clients against a socket,
// sequencer and store of the test's own; the store is read afterwards.
#include "daemon/ingest/unix_stream.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "daemon/unix_socket.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

using test::Client;
using test::IngestBed;
using test::len32;

// The numbers of events taken and refused that lines of acknowledgement tell together.
struct Told {
  std::uint64_t taken = 0;
  std::vector<std::uint64_t> refused;
  std::uint64_t next = 0;
};
void add(Told& told, const std::string& line) {
  const boost::json::object ack = boost::json::parse(line).as_object();
  const auto first = ack.at("first").to_number<std::uint64_t>();
  told.next = ack.at("next").to_number<std::uint64_t>();
  told.taken += told.next - first;
  for (const auto& one : ack.at("refused").as_array()) {
    told.refused.push_back(one.at("at").to_number<std::uint64_t>());
  }
}
Told told_until(Client& client, std::uint64_t events) {
  Told told;
  while (told.taken + told.refused.size() < events) {
    const std::string line = client.read_line();
    if (line.empty()) break;
    add(told, line);
  }
  return told;
}

TEST(UnixStream, LinesWithoutAnOpeningComeOutByteExact) {
  IngestBed bed;
  Client client(bed.config().listen_unix);
  client.send(std::string("one\r\n\n\0\xff nul\nlast", 17));
  client.half_close();
  EXPECT_EQ(client.read_rest(), "") << "nobody asked for acknowledgements";
  bed.await([&] { return bed.events().size() == 4; });
  EXPECT_EQ(bed.events(),
            (std::vector<std::string>{"one\r", "", std::string("\0\xff nul", 6), "last"}));
}

TEST(UnixStream, EveryEventNamesItsSender) {
  IngestBed bed;
  Client client(bed.config().listen_unix);
  client.send("STELE/1 ack=durable\nan event\n");
  client.read_line();
  const storage::StoredRecord event = bed.sequencer().store().read(2);
  const storage::StoredRecord source = bed.sequencer().store().read(event.leaf.source);
  EXPECT_EQ(source.leaf.kind, attest::Kind::source);
  EXPECT_EQ(std::string(source.bytes.begin(), source.bytes.end()),
            "{\"gid\":" + std::to_string(::getegid()) + ",\"pid\":" + std::to_string(::getpid()) +
                ",\"transport\":\"unix\",\"uid\":" + std::to_string(::geteuid()) + "}");
}

TEST(UnixStream, ALineOfOneMebibyteIsTakenAndOneByteMoreIsRefused) {
  for (const bool lines : {true, false}) {
    IngestBed bed;
    Client client(bed.config().listen_unix);
    const auto frame = [&](const std::string& event) {
      return lines ? event + "\n" : len32(event);
    };
    const std::string largest(1 << 20, 'x');
    client.send(std::string("STELE/1 ack=durable frame=") + (lines ? "lf" : "len32") + "\n");
    client.send(frame("before") + frame(largest) + frame(largest + "x") +
                frame(std::string(16 << 20, 'y')) + frame("after"));
    const Told told = told_until(client, 5);
    EXPECT_EQ(told.taken, 3u);
    EXPECT_EQ(told.refused, (std::vector<std::uint64_t>{2, 3}));
    EXPECT_EQ(bed.events(), (std::vector<std::string>{"before", largest, "after"}));
    EXPECT_EQ(bed.ingest().counters().refused, 2u);
  }
}

TEST(UnixStream, WhatIsRefusedWithoutAcknowledgementsBecomesAGapRecord) {
  IngestBed bed([](Config& config) { config.max_event_bytes = 4; });
  Client client(bed.config().listen_unix);
  client.send("1234\n12345\n123456\nend");
  client.half_close();
  bed.await([&] { return bed.records().size() >= 4; });
  EXPECT_EQ(bed.events(), (std::vector<std::string>{"1234", "end"}));
  const auto records = bed.records();
  EXPECT_EQ(std::count(records.begin(), records.end(), "gap:{\"lost\":2,\"reason\":\"too_long\"}"),
            1);
}

TEST(UnixStream, AHalfCloseEndsTheLastLineAndIsAcknowledged) {
  IngestBed bed;
  Client client(bed.config().listen_unix);
  client.send("STELE/1 ack=durable\nfirst\nlast");
  client.half_close();
  Told told;
  const std::string rest = client.read_rest();
  for (std::size_t at = 0; at < rest.size(); at = rest.find('\n', at) + 1) {
    add(told, rest.substr(at, rest.find('\n', at) - at));
  }
  EXPECT_EQ(told.taken, 2u);
  EXPECT_EQ(bed.events(), (std::vector<std::string>{"first", "last"}));
}

TEST(UnixStream, ThousandsOfEventsShareAnAcknowledgement) {
  IngestBed bed;
  Client client(bed.config().listen_unix);
  std::string stream = "STELE/1 ack=durable\n";
  constexpr std::uint64_t kEvents = 20'000;
  for (std::uint64_t i = 0; i < kEvents; ++i) stream += std::to_string(i) + "\n";
  client.send(stream);
  Told told;
  std::size_t lines = 0;
  for (; told.taken < kEvents; ++lines) add(told, client.read_line());
  EXPECT_EQ(told.taken, kEvents);
  EXPECT_LT(lines, kEvents / 100);
  const auto events = bed.events();
  for (std::uint64_t i = 0; i < kEvents; ++i) ASSERT_EQ(events.at(i), std::to_string(i));
}

TEST(UnixStream, SealedIsToldOnlyWhenACounterAnchorCoversIt) {
  IngestBed bed;
  Client client(bed.config().listen_unix);
  client.send("STELE/1 ack=sealed\none\ntwo\n");
  bed.await([&] { return bed.events().size() == 2; });
  const std::uint64_t size = bed.sequencer().head().size;
  bed.on_loop([&] { bed.ingest().sealed(size - 1); });
  Client other(bed.config().listen_unix);  // a round trip later nothing has been told
  other.send("STELE/1 ack=durable\nthree\n");
  EXPECT_NE(other.read_line(), "");
  bed.on_loop([&] { bed.ingest().sealed(size); });
  EXPECT_EQ(told_until(client, 2).next, size);
}

TEST(UnixStream, TwoHundredSendersInterleavedKeepTheirOrder) {
  IngestBed bed;
  constexpr std::size_t kSenders = 200, kEvents = 50;
  std::vector<Client> clients;
  std::vector<std::string> streams;
  for (std::size_t c = 0; c < kSenders; ++c) {
    clients.emplace_back(bed.config().listen_unix);
    std::string stream = c % 2 ? "STELE/1 frame=len32 ack=durable\n" : "STELE/1 ack=durable\n";
    for (std::size_t i = 0; i < kEvents; ++i) {
      const std::string event = std::to_string(c) + ":" + std::to_string(i);
      stream += c % 2 ? len32(event) : event + "\n";
    }
    streams.push_back(stream);
  }
  // In pieces of changing length, so that events of different senders meet in one group.
  for (std::size_t round = 0, sent = 0; sent < kSenders; ++round) {
    for (std::size_t c = 0; c < kSenders; ++c) {
      if (streams[c].empty()) continue;
      const std::size_t piece =
          std::min<std::size_t>(1 + (c * 7 + round * 13) % 60, streams[c].size());
      clients[c].send(streams[c].substr(0, piece));
      streams[c].erase(0, piece);
      sent += streams[c].empty();
    }
  }
  for (Client& client : clients) EXPECT_EQ(told_until(client, kEvents).taken, kEvents);
  std::map<std::string, std::size_t> next;
  const auto events = bed.events();
  EXPECT_EQ(events.size(), kSenders * kEvents);
  for (const std::string& event : events) {
    const std::string sender = event.substr(0, event.find(':'));
    EXPECT_EQ(event, sender + ":" + std::to_string(next[sender]++));
  }
}

TEST(UnixStream, ASenderThatReadsNoAcknowledgementsIsNotReadFurtherAndHindersNobody) {
  IngestBed bed([](Config& config) { config.max_event_bytes = 1; });
  Client deaf(bed.config().listen_unix);
  deaf.send("STELE/1 ack=durable\n");
  std::string refused;
  for (int i = 0; i < 20'000; ++i) refused += "xx\n";  // each told in about 40 bytes
  std::size_t sent = 0;
  for (int idle = 0; idle < 50 && sent < (64u << 20);) {
    const std::size_t n = deaf.send_what_fits(refused);
    sent += n;
    idle = n > 0 ? 0 : idle + 1;
    if (n == 0) ::usleep(10'000);
  }
  EXPECT_LT(sent, 8u << 20) << "it is read on and on";
  Client other(bed.config().listen_unix);
  other.send("STELE/1 ack=durable\n1\n");
  EXPECT_EQ(told_until(other, 1).taken, 1u);
}

TEST(UnixStream, ASenderThatBreaksOffInAFrameLosesThatFrameOnly) {
  IngestBed bed;
  {
    Client client(bed.config().listen_unix);
    client.send("STELE/1 frame=len32 ack=durable\n" + len32("whole") +
                len32("broken off").substr(0, 9));
    bed.await([&] { return bed.events().size() == 1; });
  }  // closed with its acknowledgement unread: the socket is reset
  bed.await([&] { return bed.ingest().counters().open == 0; });
  Client other(bed.config().listen_unix);
  other.send("STELE/1 ack=durable\nstill here\n");
  EXPECT_EQ(told_until(other, 1).taken, 1u);
  EXPECT_EQ(bed.events(), (std::vector<std::string>{"whole", "still here"}));
}

TEST(UnixStream, TooManyConnectionsAreToldSoAndTheOthersGoOn) {
  IngestBed bed([](Config& config) {
    config.max_connections = 1;
    config.evict_after = std::chrono::hours(1);  // nobody goes (give_way_test.cc)
  });
  Client first(bed.config().listen_unix);
  first.send("STELE/1 ack=durable\none\n");
  EXPECT_EQ(told_until(first, 1).taken, 1u);
  {
    Client second(bed.config().listen_unix);
    EXPECT_TRUE(second.read_rest().starts_with("{\"fault\":\"too_many_connections\",\"message\":"));
  }
  EXPECT_EQ(bed.ingest().counters().turned_away, 1u);
  first.send("two\n");
  EXPECT_EQ(told_until(first, 1).taken, 1u);
}

TEST(UnixStream, LongUnfinishedEventsTogetherStayWithinTheirLimit) {
  constexpr std::uint64_t kLimit = 2u << 20;
  IngestBed bed([](Config& config) {
    config.unfinished_bytes = kLimit;
    config.evict_after = std::chrono::seconds(1);
  });
  const std::string part(768u << 10, 'x');
  std::vector<Client> hoarders;
  for (int i = 0; i < 12; ++i) {
    hoarders.emplace_back(bed.config().listen_unix);
    hoarders.back().send(part);
  }
  // Two have turns, and lose them, each with its record, while others wait; nobody else is hindered.
  const auto truncated = [&] {
    const auto records = bed.records();
    return std::count(records.begin(), records.end(), R"(gap:{"lost":1,"reason":"truncated"})");
  };
  bed.await([&] { return truncated() >= 10; });
  Client other(bed.config().listen_unix);
  other.send("not hindered\n");
  bed.await([&] { return bed.events().size() == 1; });
  bed.await([&] { return bed.ingest().counters().open <= 3; });
  EXPECT_LE(truncated(), 11);
}

TEST(UnixStream, AnUnfinishedEventThatIsRefusedIsToldToWhoAsked) {
  IngestBed bed([](Config& config) {
    config.unfinished_bytes = 1u << 20;
    config.evict_after = std::chrono::seconds(1);
  });
  Client asks(bed.config().listen_unix);
  asks.send("STELE/1 ack=durable\nshort\n");
  EXPECT_NE(asks.read_line().find(R"("refused":[])"), std::string::npos);
  asks.send(std::string(768u << 10, 'x'));
  Client other(bed.config().listen_unix);
  other.send(std::string(900u << 10, 'y'));
  EXPECT_NE(asks.read_line().find(R"("refused":[{"at":1,"fault":"truncated"}])"),
            std::string::npos);
  other.send("\n");
  bed.await([&] { return bed.events().size() == 2; });
}

TEST(UnixStream, LongEventsOfManySendersWaitForEachOtherAndNoneIsLost) {
  IngestBed bed([](Config& config) { config.unfinished_bytes = 2u << 20; });  // two at once
  constexpr std::size_t kSenders = 12;
  std::vector<std::thread> senders;
  for (std::size_t i = 0; i < kSenders; ++i) {
    senders.emplace_back([&bed, i] {
      Client client(bed.config().listen_unix);
      client.send(std::string((900u << 10) + i, 'x') + "\n");
    });
  }
  for (std::thread& sender : senders) sender.join();
  bed.await([&] { return bed.events().size() == kSenders; });
  EXPECT_EQ(bed.ingest().counters().refused, 0u);
}

TEST(UnixStream, AMalformedOpeningIsToldSo) {
  IngestBed bed;
  Client client(bed.config().listen_unix);
  client.send("STELE/1 frame=xml\nevent\n");
  const std::string told = client.read_rest();
  EXPECT_TRUE(told.starts_with("{\"fault\":\"opening_malformed\",\"message\":")) << told;
  EXPECT_TRUE(bed.events().empty());
}

TEST(UnixStream, StoppingReadsOutWhatHasArrivedAndEndsNoLine) {
  IngestBed bed;
  Client client(bed.config().listen_unix);
  client.send("STELE/1 ack=durable\nfirst\n");
  client.read_line();
  client.send("second\nunfinished");
  bed.on_loop([&] { bed.ingest().stop(); });
  EXPECT_EQ(told_until(client, 1).taken, 1u);
  EXPECT_EQ(client.read_rest().find("first"), std::string::npos);
  EXPECT_EQ(bed.events(), (std::vector<std::string>{"first", "second"}));
  EXPECT_THROW(Client(bed.config().listen_unix), std::runtime_error);
}

TEST(UnixListener, ReplacesADeadDaemonsSocketButNoLivingOnesAndNoFile) {
  test::Scratch scratch;
  boost::asio::io_context context;
  const std::string path = scratch / "socket";
  {
    boost::asio::local::stream_protocol::acceptor dead(
        context, boost::asio::local::stream_protocol::endpoint(path));
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  {
    UnixListener listener(context.get_executor(), path, 0640);
    struct stat made {};
    ASSERT_EQ(::stat(path.c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 07777, 0640u);
    EXPECT_THROW(UnixListener(context.get_executor(), path, 0600), std::system_error);
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "its own file goes with it";
  std::ofstream(path) << "a file";
  EXPECT_THROW(UnixListener(context.get_executor(), path, 0600), std::system_error);
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace stele::daemon
