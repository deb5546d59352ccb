// Goal: senders that say nothing keep nobody out, nobody who sends is put out, and nothing that was
// received is lost. Method: the order on paper; then real clients, by TCP from several addresses of
// this host, and at the ingest socket, fill an input; the store is read afterwards.
#include "daemon/give_way.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/ingest/tcp.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

using test::Client;
using test::IngestBed;

const std::string kCutShort = "gap:{\"lost\":1,\"reason\":\"truncated\"}";

// A connection of whom only this is known.
struct Sham {
  std::string name, owner;
  std::optional<Standing> now;
  const std::string& peer() const { return owner; }
};
bool may_go(const Sham& one) {
  return one.name != "x";
}
using Shams = std::set<std::shared_ptr<Sham>>;
std::shared_ptr<Sham> sham(std::string name, std::string owner, std::optional<Standing> now) {
  return std::make_shared<Sham>(Sham{std::move(name), std::move(owner), now});
}
// In which order these go for newcomers of that peer, each of whom is gone again at once.
std::string order_of(Shams shams, const std::string& newcomer, Whose whose = Whose::any) {
  std::string order;
  for (;;) {
    const auto crowd = crowd_of<std::string>(shams, [](const Sham&) { return false; });
    const auto first = first_to_go(
        shams, crowd, newcomer, whose, [](const Sham& one) { return one.now; }, may_go);
    if (!first) return order;
    order += first->name;
    shams.erase(first);
  }
}

TEST(GiveWay, TheOrderIsOnePeersPlacesThenWhatWasHeardThenSilence) {
  using namespace std::chrono_literals;
  const auto standing = [](Heard heard, std::chrono::nanoseconds silent, bool waits = true) {
    return Standing{waits, 0, heard, silent};
  };
  const Shams shams{
      sham("a", "many", standing(Heard::nothing, 1s)),
      sham("b", "many", standing(Heard::nothing, 2s)),
      sham("c", "many", standing(Heard::whole_messages, 8s)),
      sham("d", "many", standing(Heard::whole_messages, 9s)),
      sham("e", "many", standing(Heard::part_of_a_message, 1h)),
      sham("f", "many", standing(Heard::nothing, 2h, false)),  // is being answered
      sham("g", "many", std::nullopt),                         // stays, whatever else
      sham("x", "many", standing(Heard::nothing, 9h)),         // and so does this one
      sham("h", "few", standing(Heard::nothing, 3h)),
      sham("i", "few", standing(Heard::nothing, 4h)),
      sham("j", "one", standing(Heard::nothing, 5h)),
  };
  EXPECT_EQ(order_of(shams, "new"), "badceif") << "nobody gives his only one";
  EXPECT_EQ(order_of(shams, "many", Whose::others), "") << "nor who has not two more";
  EXPECT_EQ(order_of(shams, "many", Whose::his), "badcef");
  EXPECT_EQ(order_of(shams, "one"), "badcejif") << "his own too, and then he has none";
}

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

const std::string kGaveWay = "{\"fault\":\"gave_way\",\"message\":";
const std::string kTurnedAway = "{\"fault\":\"too_many_connections\",\"message\":";

// The ingest socket, all of whose clients are of one user; who is silent for a tenth of a second may
// go.
struct CrowdedSocket {
  explicit CrowdedSocket(std::uint32_t connections, OnTrouble on_low = OnTrouble::warn)
      : bed([&](Config& config) {
          config.max_connections = connections;
          config.evict_after = std::chrono::milliseconds(100);
          config.on_disk_low = on_low;
        }) {}

  Client open() {
    const std::uint64_t before = bed.ingest().counters().accepted;
    Client client(bed.config().listen_unix);
    bed.await([&] { return bed.ingest().counters().accepted > before; });
    bed.on_loop([] {});  // from here on it waits for us
    return client;
  }
  // Tries until it is heard; the connection stays.
  Client stay(const std::string& word) {
    std::optional<Client> client;
    bed.await([&] {
      client.emplace(bed.config().listen_unix);
      try {
        client->send("STELE/1 ack=durable\n" + word + "\n");
        return client->read_line().starts_with("{\"first\":");
      } catch (const std::runtime_error&) {  // turned away
        return false;
      }
    });
    return std::move(*client);
  }
  // Everybody has been silent for longer than evict_after.
  static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(300)); }
  std::string turned_away() { return Client(bed.config().listen_unix).read_rest(); }
  std::uint64_t evicted() { return bed.ingest().counters().evicted; }
  bool has(const std::string& record) const {
    const auto records = bed.records();
    return std::find(records.begin(), records.end(), record) != records.end();
  }

  IngestBed bed;
};

TEST(GiveWay, AtTheIngestSocketTheOrderIsNothingSentThenBetweenEventsThenWithinOne) {
  CrowdedSocket t(3);
  Client told = t.stay("told");
  Client half = t.open();
  half.send("whole\nhalf an ev");
  t.bed.await([&] { return t.has("event:whole"); });
  Client nothing = t.open();
  t.settle();
  Client first = t.stay("first");
  EXPECT_TRUE(nothing.read_rest().starts_with(kGaveWay));
  EXPECT_EQ(t.evicted(), 1u);
  // The half one has been silent for longer than all that come from here on.
  std::vector<Client> newer;
  for (Client* const next_to_go : {&told, &first}) {
    t.settle();
    newer.push_back(t.stay("newer"));
    EXPECT_TRUE(next_to_go->read_rest().starts_with(kGaveWay));
  }
  EXPECT_FALSE(t.has(kCutShort));
  // Where nobody is between two events, half of one keeps no place, and is on record.
  CrowdedSocket full(2);
  std::vector<Client> halves;
  for (int i = 0; i < 2; ++i) {
    halves.push_back(full.open());
    halves.back().send("begun");
  }
  Client last = full.stay("last");
  full.bed.await([&] { return full.has(kCutShort); });
  EXPECT_EQ(full.evicted(), 1u);
}

// What came is durable and told before its sender can be asked to go, however long that takes.
TEST(GiveWay, WhoseEventsAreNotDurableOrNotToldStays) {
  CrowdedSocket t(1, OnTrouble::suspend);
  {
    Client waits = t.open();
    t.bed.sequencer().set_disk_low(true);
    waits.send("held back\n");  // and waits as bytes, in the kernel or in line: it counts as nothing yet
    t.settle();
    EXPECT_TRUE(t.turned_away().starts_with(kTurnedAway));
    EXPECT_EQ(t.evicted(), 0u);
    t.bed.sequencer().set_disk_low(false);
    t.bed.await([&] { return t.has("event:held back"); });
  }
  Client next = t.stay("next");
}

TEST(GiveWay, WhoWaitsForAnAnchorStaysUntilHeIsTold) {
  CrowdedSocket t(1);
  Client waits = t.open();
  waits.send("STELE/1 ack=sealed\nto be sealed\n");
  t.bed.await([&] { return t.has("event:to be sealed"); });
  t.settle();
  EXPECT_TRUE(t.turned_away().starts_with(kTurnedAway));
  EXPECT_EQ(t.evicted(), 0u);
  t.bed.on_loop([&] { t.bed.ingest().sealed(t.bed.sequencer().head().size); });
  EXPECT_TRUE(waits.read_line().starts_with("{\"first\":"));
  Client next = t.stay("next");
  EXPECT_TRUE(waits.read_rest().starts_with(kGaveWay));
}

}  // namespace
}  // namespace stele::daemon
