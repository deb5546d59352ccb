// Goal: a daemon starts only on a store of its own, tells and proves what it holds, ends in order,
// and a start after that, or after a crash, says which it was. Method: whole services in this
// process over a swtpm of the test's own, asked through their real sockets and ended by a real
// signal; the store is read in between.
#include "daemon/service.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "attest/base64.h"
#include "attest/proof.h"
#include "storage/store_reader.h"
#include "tests/daemon/anchoring_host.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

namespace json = boost::json;
using test::Client;

// A provisioned host whose log holds its genesis, with sockets of its own.
class ServiceHost : public test::Host {
 public:
  ServiceHost() {
    config.listen_unix = scratch / "ingest.sock";
    config.control_unix = scratch / "control.sock";
    config.listen_unix_mode = 0600;
    storage::EntryReader entries(storage::posix(), config.data);
    const attest::Bytes genesis = entries.next()->payload;
    storage::NewRecord record;
    record.kind = attest::Kind::genesis;
    record.bytes = genesis;
    storage::Store::create(storage::posix(), config.data, attest::log_id(genesis), 0, record);
  }
  // The durable records, as "kind:bytes".
  std::vector<std::string> records() const {
    std::vector<std::string> out;
    const auto store = storage::Store::open_for_reading(storage::posix(), config.data);
    store.visit(0, store.head().size, [&](const storage::StoredRecord& record) {
      out.push_back(std::string(name(record.leaf.kind)) + ":" +
                    std::string(record.bytes.begin(), record.bytes.end()));
      return true;
    });
    return out;
  }
};

// A service at work; ended by SIGTERM, as by a person or systemd.
class RunningService {
 public:
  explicit RunningService(const Config& config) : service_(config) {
    thread_ = std::thread([this] {
      exit_code_ = service_.run();
      ended_ = true;
    });
  }
  ~RunningService() { end(); }
  int end() {
    if (!thread_.joinable()) return exit_code_;
    ::kill(::getpid(), SIGTERM);
    thread_.join();
    return exit_code_;
  }

 private:
  Service service_;
  std::thread thread_;
  std::atomic<bool> ended_{false};
  std::atomic<int> exit_code_{-1};
};

// The lines of one reply; the last has "ok".
std::vector<json::object> ask(const Config& config, const std::string& request) {
  Client client(config.control_unix);
  client.send(request + "\n");
  std::vector<json::object> lines;
  do {
    lines.push_back(json::parse(client.read_line()).as_object());
  } while (!lines.back().contains("ok"));
  return lines;
}

json::object status_of(const Config& config) {
  const json::object reply = ask(config, R"({"do":"status"})").back();
  if (!reply.at("ok").as_bool()) throw std::runtime_error(json::serialize(reply));
  return reply.at("status").as_object();
}

void await_ready(const Config& config) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!status_of(config).at("daemon").as_object().at("ready").as_bool()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "never ready";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void await_sealed(const Config& config, std::uint64_t records) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (status_of(config).at("anchoring").at("counter_anchored").to_number<std::uint64_t>() <
         records) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "never sealed";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void send_events(const Config& config, const std::string& lines) {
  Client client(config.listen_unix);
  client.send("STELE/1 ack=durable\n" + lines);
  client.half_close();
  client.read_rest();
}

int refusal_of(const Config& config) {
  try {
    Service service(config);
  } catch (const CannotServe& error) {
    EXPECT_NE(std::string(error.what()), "");
    return error.exit_code();
  }
  return 0;
}

TEST(Service, LeavesALogThatSaysHowItBeganAndEnded) {
  ServiceHost host;
  {
    RunningService service(host.config);
    await_ready(host.config);
    send_events(host.config, "one\ntwo\n");
    EXPECT_EQ(service.end(), 0);
  }
  {
    RunningService service(host.config);
    await_ready(host.config);
    EXPECT_EQ(service.end(), 0);
  }
  const auto records = host.records();
  ASSERT_EQ(records.size(), 10u);
  EXPECT_TRUE(records[0].starts_with("genesis:"));
  EXPECT_TRUE(records[1].starts_with("boot:{\"boot_id\":\""));
  EXPECT_NE(records[1].find("\"previous_end\":\"none\""), std::string::npos);
  EXPECT_TRUE(records[2].starts_with("config:{\"sha256\":\""));
  EXPECT_TRUE(records[3].starts_with("source:{\"gid\":"));
  EXPECT_EQ(records[4], "event:one");
  EXPECT_EQ(records[5], "event:two");
  EXPECT_EQ(records[6], "note:{\"note\":\"shutdown\"}");
  EXPECT_NE(records[7].find("\"previous_end\":\"clean\""), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(host.config.listen_unix));
  EXPECT_FALSE(std::filesystem::exists(host.config.control_unix));
  const auto view = test::expect_whole(host);
  EXPECT_EQ(view.statements.back().tree.size, records.size()) << "the final anchor covers all";
  EXPECT_NE(view.statements.back().flags & attest::kFinalOfShutdown, 0);
}

TEST(Service, SaysThatTheEndBeforeWasNotInOrder) {
  ServiceHost host;
  {
    RunningService service(host.config);
    await_ready(host.config);
    EXPECT_EQ(service.end(), 0);
  }
  {
    auto store = storage::Store::open(storage::posix(), host.config.data, {});
    const std::string text = "an event before a crash";
    storage::NewRecord event;
    event.bytes = attest::view(text);
    store.append({&event, 1});
  }
  RunningService service(host.config);
  await_ready(host.config);
  service.end();
  EXPECT_NE(host.records().at(5).find("\"previous_end\":\"unclean\""), std::string::npos);
}

// A machine that was switched off with a right clock and comes back with a wrong one.
TEST(Service, AClockBehindItsOwnLogIsNotedBeforeAnythingElse) {
  ServiceHost host;
  {
    auto store = storage::Store::open(storage::posix(), host.config.data, {});
    storage::NewRecord event;
    event.time_ns = std::chrono::system_clock::now().time_since_epoch().count() +
                    std::int64_t{10} * 365 * 86'400 * 1'000'000'000;
    store.append({&event, 1});
  }
  {
    RunningService service(host.config);
    await_ready(host.config);
    EXPECT_EQ(service.end(), 0);
  }
  EXPECT_TRUE(host.records().at(2).starts_with("note:{\"note\":\"clock_step\",\"by_ns\":-31"));
  {
    RunningService service(host.config);
    await_ready(host.config);
    EXPECT_EQ(service.end(), 0);
  }
  EXPECT_TRUE(host.records().at(6).starts_with("boot:")) << "said once";
}

TEST(Service, AnchorsACriticalEventAndItsConfigurationByItself) {
  ServiceHost host;
  host.config.critical_events = {"type=USER_MGMT"};
  RunningService service(host.config);
  await_sealed(host.config, 3);  // record 2 is the configuration
  Client client(host.config.listen_unix);
  client.send("STELE/1 ack=sealed\nmsg type=USER_MGMT op=add-user\n");
  EXPECT_TRUE(client.read_line().starts_with("{\"first\":")) << "sealed, though nobody asked";
  const json::object status = status_of(host.config);
  EXPECT_FALSE(status.at("anchoring").at("critical_waiting").as_bool());
  service.end();
  test::expect_whole(host);
}

TEST(Service, TellsItsStatus) {
  ServiceHost host;
  RunningService service(host.config);
  await_ready(host.config);
  send_events(host.config, "one\ntwo\nthree\n");
  ASSERT_TRUE(ask(host.config, R"({"do":"anchor"})").back().at("ok").as_bool());
  const json::object status = status_of(host.config);
  EXPECT_EQ(status.at("schema").as_string(), "stele.status/1");
  EXPECT_EQ(status.at("daemon").at("pid").to_number<int>(), ::getpid());
  EXPECT_EQ(status.at("log").at("origin").as_string(), "test.example/log");
  EXPECT_EQ(status.at("log").at("size").to_number<std::uint64_t>(), 7u);
  EXPECT_EQ(status.at("anchoring").at("state").as_string(), "anchoring");
  EXPECT_GE(status.at("anchoring").at("counter_anchors").to_number<int>(), 1);
  EXPECT_FALSE(status.at("queue").at("failed").as_bool());
  EXPECT_EQ(status.at("ingest").at("events").to_number<int>(), 3);
  EXPECT_GT(status.at("log").at("disk_free_bytes").to_number<std::uint64_t>(), 0u);
  EXPECT_GT(status.at("wear").at("per_day").to_number<double>(), 0.0);
}

TEST(Service, ShowsQueriesAndProvesAndRecordsThatItDid) {
  ServiceHost host;
  RunningService service(host.config);
  await_ready(host.config);
  send_events(host.config, "one\ntwo\nthree\n");

  const auto shown = ask(host.config, R"({"do":"show","index":5})");
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].at("record").at("kind").as_string(), "event");
  EXPECT_EQ(attest::from_base64(std::string(shown[0].at("record").at("bytes").as_string())),
            attest::Bytes({'t', 'w', 'o'}));

  const auto page = ask(host.config, R"({"do":"query","source":3,"limit":2})");
  ASSERT_EQ(page.size(), 3u);
  EXPECT_EQ(page[0].at("record").at("index").to_number<int>(), 4);
  EXPECT_EQ(page[2].at("next").to_number<int>(), 6);
  const auto rest = ask(host.config, R"({"do":"query","source":3,"limit":2,"begin":6})");
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_TRUE(rest[1].at("next").is_null());

  const auto anchored = ask(host.config, R"({"do":"anchor"})").back();
  ASSERT_TRUE(anchored.at("ok").as_bool()) << json::serialize(anchored);
  const auto proved = ask(host.config, R"({"do":"prove","index":5,"content":true})").back();
  ASSERT_TRUE(proved.at("ok").as_bool()) << json::serialize(proved);
  const auto bytes = attest::from_base64(std::string(proved.at("proof").as_string()));
  ASSERT_TRUE(bytes.has_value());
  const auto proof = attest::decode_proof(*bytes);
  ASSERT_TRUE(proof.has_value());
  EXPECT_EQ(proof->content->bytes, attest::Bytes({'t', 'w', 'o'}));
  const auto statement = attest::decode_statement(proof->statement);
  ASSERT_TRUE(statement.has_value());
  EXPECT_TRUE(
      attest::verify_inclusion(5, attest::leaf_hash(proof->leaf), statement->tree, proof->path));

  service.end();
  const auto records = host.records();
  EXPECT_EQ(std::count_if(records.begin(), records.end(),
                          [](const std::string& record) {
                            return record.starts_with("access:{\"gid\":") &&
                                   record.ends_with("\"uid\":" + std::to_string(::geteuid()) + "}");
                          }),
            4);
}

TEST(Service, AnswersANonceLive) {
  ServiceHost host;
  RunningService service(host.config);
  await_ready(host.config);
  const auto reply =
      ask(host.config, R"({"do":"answer","nonce":")" + std::string(64, '7') + R"("})").back();
  ASSERT_TRUE(reply.at("ok").as_bool()) << json::serialize(reply);
  const auto bytes = attest::from_base64(std::string(reply.at("answer").as_string()));
  ASSERT_TRUE(bytes.has_value());
  const auto answer = attest::decode_answer(*bytes);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->nonce.bytes[0], 0x77);
}

TEST(Service, RefusesRequestsWithTheExitCodeOfTheirReason) {
  ServiceHost host;
  RunningService service(host.config);
  await_ready(host.config);
  const auto refused = [&](const std::string& request) {
    const json::object last = ask(host.config, request).back();
    EXPECT_FALSE(last.at("ok").as_bool()) << request;
    EXPECT_FALSE(last.at("message").as_string().empty());
    return last.at("exit").to_number<int>();
  };
  EXPECT_EQ(refused("nonsense"), 65);
  EXPECT_EQ(refused(R"({"do":"show","index":999})"), 66);
  EXPECT_EQ(refused(R"({"do":"prove","index":999})"), 66);
  send_events(host.config, "not counter-anchored yet\n");
  EXPECT_EQ(refused(R"({"do":"prove","index":4})"), 75);
}

TEST(Service, OneConnectionCarriesManyRequests) {
  ServiceHost host;
  RunningService service(host.config);
  await_ready(host.config);
  Client client(host.config.control_unix);
  client.send("{\"do\":\"status\"}\nnonsense\n{\"do\":\"status\"}\n");
  EXPECT_TRUE(client.read_line().starts_with("{\"ok\":true"));
  EXPECT_TRUE(client.read_line().starts_with("{\"ok\":false"));
  EXPECT_TRUE(client.read_line().starts_with("{\"ok\":true"));
}

TEST(Service, SealedIsAcknowledgedByTheFinalAnchorAtTheLatest) {
  ServiceHost host;
  RunningService service(host.config);
  await_ready(host.config);
  Client client(host.config.listen_unix);
  client.send("STELE/1 ack=sealed\nan event\n");
  while (status_of(host.config).at("ingest").at("events").to_number<int>() < 1) {
  }
  std::string line;
  std::thread reader([&] { line = client.read_line(); });
  service.end();
  reader.join();
  EXPECT_TRUE(line.starts_with("{\"first\":")) << line;
}

TEST(Service, ASecondDaemonOnTheStoreIsRefusedByTheFirstOnesPid) {
  ServiceHost host;
  RunningService service(host.config);
  Config other = host.config;
  other.listen_unix += "2";
  other.control_unix += "2";
  try {
    Service second(other);
    FAIL() << "two daemons on one store";
  } catch (const CannotServe& error) {
    EXPECT_EQ(error.exit_code(), 75);
    EXPECT_NE(std::string(error.what()).find("pid " + std::to_string(::getpid())),
              std::string::npos);
  }
}

TEST(Service, DoesNotStartOnWhatIsNoStoreOfItsOwn) {
  ServiceHost host;
  Config config = host.config;
  config.data = host.scratch / "nowhere";
  EXPECT_EQ(refusal_of(config), 78) << "absent";
  std::filesystem::create_directory(config.data);
  EXPECT_EQ(refusal_of(config), 78) << "empty";
  std::ofstream(config.data + "/letter.txt") << "somebody else's";
  EXPECT_EQ(refusal_of(config), 78) << "foreign";
  EXPECT_FALSE(std::filesystem::exists(config.data + "/lock")) << "it was left as it was";
  config = host.config;
  config.origin = "another.example/log";
  EXPECT_EQ(refusal_of(config), 78) << "another log than configured";
  config = host.config;
  config.pcr = 9;
  EXPECT_EQ(refusal_of(config), 78) << "another PCR than provisioned";
  config = host.config;
  config.listen_unix = host.scratch / "no/such/directory/socket";
  EXPECT_EQ(refusal_of(config), 73) << "no place for the socket";
  std::filesystem::remove_all(host.config.data + "/segments");
  EXPECT_NE(refusal_of(host.config), 0) << "a journal without its segments";
}

// Waits until status says so; generous, since nothing is concluded from the time.
void await_status(const Config& config, const std::function<bool(const json::object&)>& says) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!says(status_of(config).at("anchoring").as_object())) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << json::serialize(status_of(config).at("anchoring"));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// P6: events become durable whatever the TPM does; what is not anchored shows, with its cause.
TEST(Service, TakesEventsWhileTheTpmIsSilentDownOrFailingAndShowsTheLag) {
  ServiceHost host;
  RunningService service(host.config);
  await_ready(host.config);
  int sent = 0;
  const auto all_anchored = [](const json::object& anchoring) {
    return anchoring.at("unanchored").to_number<int>() == 0 &&
           anchoring.at("state").as_string() == "anchoring";
  };
  // Returns only when each event is durable.
  const auto send = [&] {
    send_events(host.config, "an event\nand another\n");
    sent += 2;
    const json::object status = status_of(host.config);
    EXPECT_EQ(status.at("ingest").at("events").to_number<int>(), sent);
    EXPECT_GT(status.at("anchoring").at("lag_records").to_number<int>(), 0);
  };
  await_status(host.config, all_anchored);

  // Silent, in the middle of a round: it shows that the TPM is at work, and for how long.
  ::kill(host.swtpm.pid(), SIGSTOP);
  send();
  await_status(host.config, [](const json::object& anchoring) {
    return anchoring.at("tpm_busy_s").to_number<double>() > 0.05 ||
           anchoring.at("state").as_string() == "unavailable";
  });
  send();
  ::kill(host.swtpm.pid(), SIGCONT);
  await_status(host.config, all_anchored);

  // Down, then there but not started (TPM_RC_INITIALIZE to everything).
  host.swtpm.kill();
  send();
  await_status(host.config, [](const json::object& anchoring) {
    return anchoring.at("state").as_string() == "unavailable" &&
           anchoring.at("reason").as_string().find("0xA00") != json::string::npos;
  });
  host.swtpm.start("not-need-init");
  send();
  await_status(host.config, [](const json::object& anchoring) {
    return anchoring.at("reason").as_string().find("TPM2_Startup") != json::string::npos;
  });
  host.swtpm.kill();
  send();
  host.swtpm.start();
  await_status(host.config, all_anchored);
  EXPECT_EQ(service.end(), 0);

  const auto records = host.records();
  EXPECT_EQ(std::count_if(records.begin(), records.end(),
                          [](const auto& record) { return record.starts_with("event:an"); }),
            sent);
  EXPECT_TRUE(test::expect_whole(host).has_remark(attest::RemarkCode::pause));
}

TEST(Service, StartsWithoutATpmAndSaysSo) {
  ServiceHost host;
  host.config.tcti = "swtpm:host=127.0.0.1,port=1";
  RunningService service(host.config);
  await_ready(host.config);
  send_events(host.config, "an event\n");
  const json::object status = status_of(host.config);
  EXPECT_EQ(status.at("anchoring").at("state").as_string(), "unavailable");
  EXPECT_FALSE(status.at("anchoring").at("reason").as_string().empty());
  EXPECT_EQ(service.end(), 0);
  const auto records = host.records();
  EXPECT_NE(std::find(records.begin(), records.end(), "event:an event"), records.end());
}

}  // namespace
}  // namespace stele::daemon
