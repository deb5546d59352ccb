// Goal: an answer by actor, action or any other field is the log's, with or without the look-up. Method: a
// store of real logs (the vectors'), or made ones; every value that was read out of them is asked for, with
// the look-up fed, half fed and not there at all, and compared with what reading each record says.
#include "daemon/finder.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "daemon/read_out/terms.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

namespace stele::daemon {
namespace {

std::vector<std::string> made_events() {
  std::vector<std::string> events;
  for (int i = 0; i < 500; ++i) {
    const std::string n = std::to_string(i);
    events.push_back("{\"actor\":\"User" + std::to_string(i % 7) + "\",\"action\":\"act" + n + "\"}");
    events.push_back("<13>Nov 25 07:50:00 gate app" + std::to_string(i % 3) + "[1]: line " + n);
    events.push_back("nothing known " + n);
  }
  return events;
}

std::vector<std::string> real_events(const std::filesystem::path& folder) {
  std::vector<std::string> events;
  for (const char* const name : {"loghub/OpenSSH_2k.log", "crowdsec-hub/auditd-logs/auditd-logs.log",
                                 "crowdsec-hub/aws-cloudtrail/aws-cloudtrail.log", "panther/cloudtrail.jsonl",
                                 "crowdsec-hub/opnsense-sshd/opnsense-sshd.log", "lnav/logfile_syslog.0",
                                 "auditd/go-libaudit/testdata/normal.log", "panther/teleport.jsonl"}) {
    std::istringstream lines(test::read_file(folder / name));
    for (std::string line; std::getline(lines, line);) events.push_back(line);
  }
  return events;
}

class FoundLog {
 public:
  explicit FoundLog(const std::vector<std::string>& events)
      : store_(make(scratch_.path(), events)) {}
  const storage::Store& store() const { return store_; }
  Config config(bool look_up) const {
    Config config;
    config.data = scratch_.path();
    config.look_up = look_up;
    return config;
  }

 private:
  static storage::Store make(const std::string& directory, const std::vector<std::string>& events) {
    storage::NewRecord record;
    record.kind = attest::Kind::genesis;
    storage::Store::create(storage::posix(), directory, attest::hash(attest::view("log")), 0, record);
    storage::Store store = storage::Store::open(storage::posix(), directory, {});
    std::vector<storage::NewRecord> group;
    record.kind = attest::Kind::event;
    for (const std::string& event : events) {
      record.bytes = attest::view(event);
      record.time_ns += 1'000'000;
      group.push_back(record);
      if (group.size() == 1000) store.append(group), group.clear();
    }
    store.append(group);
    return store;
  }
  test::Scratch scratch_;
  storage::Store store_;
};

// What each record says, by field and value in lower case: by reading every record, nothing else.
std::map<std::pair<std::size_t, std::string>, std::vector<std::uint64_t>> read_all(const storage::Store& store) {
  std::map<std::pair<std::size_t, std::string>, std::vector<std::uint64_t>> said;
  EventReader reader;
  store.visit(0, store.head().size, [&](const storage::StoredRecord& record) {
    if (record.leaf.kind != attest::Kind::event) return true;
    const ReadOut& out = reader.read(std::string(record.bytes.begin(), record.bytes.end()), record.leaf.time_ns);
    for (std::size_t field = 0; field < kFieldCount; ++field) {
      std::string value = out.values[field];
      for (char& c : value) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      if (!value.empty()) said[{field, value}].push_back(record.index);
    }
    return true;
  });
  return said;
}

void expect_right_answers(const std::vector<std::string>& events, std::size_t least) {
  const FoundLog log(events);
  const auto said = read_all(log.store());
  EXPECT_GE(said.size(), least);
  boost::asio::io_context context;
  const auto without = std::make_shared<Finder>(log.config(false), context.get_executor(), log.store());
  const auto unfed = std::make_shared<Finder>(log.config(true), context.get_executor(), log.store());
  const auto ask = [&](const Finder& finder, const auto& question) {
    storage::Query query;
    query.terms[question.first] = question.second;
    query.limit = 1'000'000;
    return finder.find(query).indices;
  };
  const auto expect_all = [&](const Finder& finder, const char* how, std::size_t every) {
    std::size_t number = 0, wrong = 0;
    for (const auto& [question, indices] : said) {
      if (number++ % every == 0) wrong += ask(finder, question) != indices;
    }
    EXPECT_EQ(wrong, 0u) << how;
  };
  expect_all(*without, "no look-up", 1 + said.size() / 60);
  expect_all(*unfed, "nothing fed", 1 + said.size() / 60);
  unfed->durable();
  context.run_one();
  expect_all(*unfed, "a slice fed", 1);
  context.run();
  expect_all(*unfed, "all fed", 1);
  EXPECT_TRUE(ask(*unfed, std::pair<std::size_t, std::string>(0, "nobody at all")).empty());
  std::cout << said.size() << " values of " << events.size() << " events\n";
}

TEST(Finder, AnswersForEveryValueOfMadeEventsAsReadingThemDoes) { expect_right_answers(made_events(), 510); }

TEST(Finder, AnswersForEveryValueOfRealLogsAsReadingThemDoes) {
  STELE_VECTORS_OR_SKIP(folder, "logs");
  const auto events = real_events(folder);
  expect_right_answers(events, 150);
  test::used_vectors("logs, found by what they say", events.size());
}

}  // namespace
}  // namespace stele::daemon
