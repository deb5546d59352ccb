// Goal: senders that say nothing keep nobody out, nobody who sends is put out, and nothing that was
// received is lost. Method: real TCP clients from several addresses of this host fill an input; the
// store is read afterwards.
#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/ingest/tcp.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

using test::Client;
using test::IngestBed;

const std::string kCutShort = "gap:{\"lost\":1,\"reason\":\"truncated\"}";

struct CrowdedBed {
  explicit CrowdedBed(std::uint32_t connections, std::uint32_t per_address,
                      std::chrono::milliseconds evict_after = std::chrono::seconds(1))
      : bed([&](Config& config) {
          config.listen_tcp = {"127.0.0.1:0"};
          config.max_connections = connections;
          config.max_connections_per_address = per_address;
          config.evict_after = evict_after;
        }),
        tcp(bed.open<TcpInput>([&](auto executor, Sequencer& sequencer) {
          return make_tcp(bed.config(), executor, sequencer);
        })) {}

  Client open(const char* from = "127.0.0.1") {
    const std::uint64_t before = tcp.counters().accepted;
    Client client(tcp.port(), from);
    bed.await([&] { return tcp.counters().accepted > before; });
    return client;
  }
  // Tries until it is heard: who may go is silent for long enough sometime.
  void heard(const std::string& word, const char* from = "127.0.0.1") {
    bed.await([&] {
      Client client(tcp.port(), from);
      try {
        client.send(word + "\n");
        client.half_close();
      } catch (const std::runtime_error&) {  // turned away
      }
      client.read_rest();
      return has("event:" + word);
    });
  }
  bool has(const std::string& record) const {
    const auto records = bed.records();
    return std::find(records.begin(), records.end(), record) != records.end();
  }

  IngestBed bed;
  TcpInput& tcp;
};

TEST(GiveWay, WhereIdleConnectionsHaveAllPlacesANewSenderIsHeard) {
  CrowdedBed t(4, 2);
  std::vector<Client> idle;
  for (const char* from : {"127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"}) {
    idle.push_back(t.open(from));
  }
  t.heard("from elsewhere", "127.0.0.9");
  EXPECT_EQ(t.tcp.counters().evicted, 1u);
}

TEST(GiveWay, AnAddressThatHasAllItsPlacesGivesOneOfItsOwn) {
  CrowdedBed t(8, 2);
  Client other = t.open("127.0.0.3");
  std::vector<Client> idle;
  idle.push_back(t.open());
  idle.push_back(t.open());
  t.heard("one of ours more");
  EXPECT_EQ(t.tcp.counters().evicted, 1u);
  other.send("not asked to go\n");
  t.bed.await([&] { return t.has("event:not asked to go"); });
}

TEST(GiveWay, WhoHasManyGoesBeforeWhoHasOneHoweverLongThatIsSilent) {
  CrowdedBed t(4, 4);
  Client quiet = t.open("127.0.0.2");  // silent for longest
  t.bed.on_loop([] {});
  std::vector<Client> many;
  for (int i = 0; i < 3; ++i) many.push_back(t.open("127.0.0.3"));
  t.heard("new", "127.0.0.9");
  t.heard("newer", "127.0.0.9");
  quiet.send("woken\n");
  t.bed.await([&] { return t.has("event:woken"); });
}

TEST(GiveWay, OneThatSendsIsNeverPutOut) {
  // Senders that pause for less than evict_after: the new one is turned away.
  CrowdedBed t(3, 3, std::chrono::hours(1));
  std::vector<Client> busy;
  for (int i = 0; i < 3; ++i) busy.push_back(t.open("127.0.0.2"));
  for (std::size_t i = 0; i < busy.size(); ++i) busy[i].send("at work " + std::to_string(i) + "\n");
  Client late(t.tcp.port(), "127.0.0.9");
  EXPECT_EQ(late.read_rest(), "");
  t.bed.await([&] { return t.tcp.counters().turned_away == 1; });
  for (std::size_t i = 0; i < busy.size(); ++i) busy[i].send("still " + std::to_string(i) + "\n");
  t.bed.await([&] { return t.bed.events().size() == 6; });
  EXPECT_EQ(t.tcp.counters().evicted, 0u);
}

TEST(GiveWay, BesideIdleOnesTheBusyOneStays) {
  CrowdedBed t(3, 3);
  Client busy = t.open("127.0.0.2");
  std::vector<Client> idle;
  for (int i = 0; i < 2; ++i) idle.push_back(t.open("127.0.0.2"));
  std::atomic<bool> stop{false};
  std::uint64_t sent = 0;
  std::thread work([&] {
    for (; !stop; ++sent) {
      busy.send("at work\n");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  t.heard("new", "127.0.0.9");
  t.heard("newer", "127.0.0.8");
  stop = true;
  work.join();
  t.bed.await([&] { return t.bed.events().size() >= sent + 2; });
  EXPECT_GE(t.tcp.counters().evicted, 1u);
}

TEST(GiveWay, HalfAnEventKeepsNoPlaceAndIsRecorded) {
  CrowdedBed t(2, 2);
  std::vector<Client> stuck;
  for (int i = 0; i < 2; ++i) {
    stuck.push_back(t.open("127.0.0.2"));
    stuck.back().send("whole\n100 begun");
  }
  t.heard("new", "127.0.0.9");
  t.bed.await([&] { return t.has(kCutShort); });
  const auto events = t.bed.events();
  EXPECT_EQ(std::count(events.begin(), events.end(), "whole"), 2);
  EXPECT_EQ(t.tcp.counters().refused, 1u) << "the other one still has its place";
}

TEST(GiveWay, NobodyLosesTheOnlyOneToSomebodyWhoHasNone) {
  CrowdedBed t(2, 2);
  std::vector<Client> quiet;
  quiet.push_back(t.open("127.0.0.2"));
  quiet.push_back(t.open("127.0.0.3"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // longer than evict_after
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Client(t.tcp.port(), "127.0.0.4").read_rest(), "");
  for (Client& one : quiet) one.send("woken\n");
  t.bed.await([&] { return t.bed.events().size() == 2; });
  EXPECT_EQ(t.tcp.counters().evicted, 0u);
}

}  // namespace
}  // namespace stele::daemon
