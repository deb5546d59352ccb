// Goal: when room runs out, what [on] says is what happens: senders wait, or every event that is
// not taken is in a gap record of its sender and in status, or the daemon is told to end. A slow
// disk bounds what is held in memory (family 16). Method: sequencers over a file system whose syncs
// wait at a gate; the ingest socket with a low disk.
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <iostream>
#include <thread>

#include "attest/gap.h"
#include "daemon/sequencer.h"
#include "tests/daemon/ingest_bed.h"
#include "tests/support/gated_file_system.h"

namespace stele::daemon {
namespace {

const auto kSource = std::make_shared<const std::string>(R"({"transport":"test"})");

Batch policy_batch(std::size_t events, std::size_t bytes = 8, std::int64_t time_ns = 42) {
  Batch batch;
  batch.source = kSource;
  batch.bytes.resize(events * bytes, 'x');
  for (std::size_t i = 0; i < events; ++i) {
    batch.items.push_back({attest::Kind::event, static_cast<std::uint32_t>(i * bytes),
                           static_cast<std::uint32_t>(bytes), time_ns});
  }
  return batch;
}

class Gate {
 public:
  explicit Gate(const Config& config) : work_(context_.get_executor()) {
    auto store = test::new_store(files, scratch_.path().string());
    Sequencer::Hooks hooks;
    hooks.durable = [this](attest::TreeHead head) { durable = head.size; };
    hooks.halt = [this](const std::string& reason) {
      halted = reason;
      ++halts;
    };
    sequencer.emplace(std::move(store), config, context_.get_executor(), hooks);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Gate() { end(); }
  void end() {
    if (!thread_.joinable()) return;
    files.open_gate();
    sequencer->drain();
    work_.reset();
    thread_.join();
  }
  static void await(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it does not come about";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  // Events stored, and the gaps of the source.
  void read() {
    const storage::Store& store = sequencer->store();
    store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
      if (record.leaf.kind == attest::Kind::event) ++stored;
      if (record.leaf.kind != attest::Kind::gap) return true;
      gaps.push_back(attest::decode_gap(record.bytes).value());
      recorded += gaps.back().lost;
      const storage::StoredRecord source = store.read(record.leaf.source);
      EXPECT_EQ(std::string(source.bytes.begin(), source.bytes.end()), *kSource);
      return true;
    });
  }

  test::GatedFileSystem files;
  std::optional<Sequencer> sequencer;
  std::atomic<std::uint64_t> durable{0};
  std::atomic<int> halts{0};
  std::string halted;
  std::uint64_t stored = 0;
  std::uint64_t recorded = 0;
  std::vector<attest::Gap> gaps;

 private:
  test::Scratch scratch_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

Config with(OnTrouble Config::*condition, OnTrouble action) {
  Config config;
  config.*condition = action;
  config.queue_records = 4096;
  return config;
}

TEST(Policy, AnOverflowIsCountedAndRecordedWithItsSpanAndSource) {
  Gate gate(with(&Config::on_queue_overflow, OnTrouble::drop_with_record));
  gate.files.close();
  std::atomic<std::uint64_t> placed{0}, dropped{0};
  constexpr int kBatches = 100;
  for (int i = 0; i < kBatches; ++i) {
    Batch batch = policy_batch(100, 8, 1000 + i);
    batch.placed = [&](std::uint64_t) { placed += 100; };
    batch.dropped = [&] { dropped += 100; };
    EXPECT_TRUE(gate.sequencer->submit(std::move(batch), [] { FAIL() << "nobody waits"; }));
  }
  const std::uint64_t in_status = gate.sequencer->status().dropped.at("queue_overflow");
  EXPECT_GE(in_status, 100u * kBatches - 4096) << "more than the queue holds were taken";
  EXPECT_LE(gate.sequencer->status().queued_records, 4096u);
  gate.files.open_gate();
  Gate::await([&] { return placed + dropped == 100u * kBatches; });
  gate.sequencer->set_disk_low(false);  // the daemon's tick has the last drops recorded
  gate.end();
  gate.read();
  EXPECT_EQ(gate.stored, placed);
  EXPECT_EQ(gate.recorded, dropped);
  EXPECT_EQ(gate.recorded, in_status);
  ASSERT_FALSE(gate.gaps.empty());
  EXPECT_EQ(gate.gaps.front().reason, "queue_overflow");
  EXPECT_GE(gate.gaps.front().span->since_ns, 1000);
  EXPECT_EQ(gate.gaps.back().span->until_ns, 1000 + kBatches - 1);
}

TEST(Policy, WhatItsSenderKeepsWaitsInsteadOfBeingDropped) {
  Gate gate(with(&Config::on_disk_low, OnTrouble::drop_with_record));
  gate.sequencer->set_disk_low(true);
  Batch batch = policy_batch(1);
  batch.waits = true;
  batch.dropped = [] { FAIL(); };
  EXPECT_TRUE(gate.sequencer->submit(std::move(batch), [] {}));
  gate.end();
  gate.read();
  EXPECT_EQ(gate.stored, 1u);
  EXPECT_TRUE(gate.gaps.empty());
}

TEST(Policy, ALowDiskDropsSendersEventsButNotTheDaemonsOwnRecords) {
  Gate gate(with(&Config::on_disk_low, OnTrouble::drop_with_record));
  gate.sequencer->set_disk_low(true);
  Batch sent = policy_batch(7);
  const std::string told = attest::encode(attest::Gap{5, "too_long"});
  sent.items.push_back({attest::Kind::gap, static_cast<std::uint32_t>(sent.bytes.size()),
                        static_cast<std::uint32_t>(told.size()), 50});
  sent.bytes.insert(sent.bytes.end(), told.begin(), told.end());
  EXPECT_TRUE(gate.sequencer->submit(std::move(sent), [] {}));
  Batch own = policy_batch(1);
  own.source = nullptr;
  EXPECT_TRUE(gate.sequencer->submit(std::move(own), [] {}));
  gate.sequencer->set_disk_low(false);
  EXPECT_TRUE(gate.sequencer->submit(policy_batch(2), [] {}));
  gate.end();
  gate.read();
  EXPECT_EQ(gate.stored, 1u + 2u);
  ASSERT_EQ(gate.gaps.size(), 2u) << "the events, and the gap that they came with";
  EXPECT_EQ(gate.gaps[0].lost, 7u);
  EXPECT_EQ(gate.gaps[0].reason, "disk_low");
  EXPECT_EQ(gate.gaps[1].lost, 5u);
  EXPECT_EQ(gate.gaps[1].reason, "too_long");
}

// Also where an overflow would drop: what is held is no overflow.
TEST(Policy, ALowDiskSuspendsSendersUntilThereIsRoom) {
  for (const OnTrouble overflow : {OnTrouble::warn, OnTrouble::drop_with_record}) {
    Config config = with(&Config::on_disk_low, OnTrouble::suspend);
    config.on_queue_overflow = overflow;
    Gate gate(config);
    gate.sequencer->set_disk_low(true);
    EXPECT_TRUE(gate.sequencer->status().suspended);
    std::atomic<bool> room{false};
    Batch sent = policy_batch(3);
    ASSERT_FALSE(gate.sequencer->submit(std::move(sent), [&] { room = true; }));
    EXPECT_EQ(sent.items.size(), 3u);
    Batch own = policy_batch(1);
    own.source = nullptr;
    EXPECT_TRUE(gate.sequencer->submit(std::move(own), [] {})) << "its own records still go in";
    Gate::await([&] { return gate.durable == 2; });
    EXPECT_FALSE(room);
    gate.sequencer->set_disk_low(false);
    Gate::await([&] { return room.load(); });
    EXPECT_TRUE(gate.sequencer->submit(std::move(sent), [] {}));
    gate.end();
    gate.read();
    EXPECT_EQ(gate.stored, 4u);
    EXPECT_TRUE(gate.gaps.empty());
  }
}

TEST(Policy, AnOverflowHaltsOnce) {
  Gate gate(with(&Config::on_queue_overflow, OnTrouble::halt));
  gate.files.close();
  bool full = false;
  for (int i = 0; i < 100; ++i) full |= !gate.sequencer->submit(policy_batch(100), [] {});
  EXPECT_TRUE(full);
  Gate::await([&] { return gate.halts > 0; });
  gate.end();
  EXPECT_EQ(gate.halts, 1);
  EXPECT_NE(gate.halted.find("queue"), std::string::npos);
}

TEST(Policy, WhoDoesNotWaitForRoomIsNotToldOfIt) {
  Gate gate{Config{}};
  gate.files.close();
  bool full = false;
  while (!full) full = !gate.sequencer->submit(policy_batch(1000), {});
  gate.files.open_gate();
  Gate::await([&] { return gate.sequencer->status().queued_records == 0; });
  EXPECT_TRUE(gate.sequencer->submit(policy_batch(1), {}));
  gate.end();
}

TEST(Policy, WhoWantsAcknowledgementsIsToldOfEveryDrop) {
  test::IngestBed bed([](Config& config) {
    config.on_disk_low = OnTrouble::drop_with_record;
    config.max_event_bytes = 10;
  });
  test::Client client(bed.config().listen_unix);
  client.send("STELE/1 ack=durable\n");
  client.send("one\n");
  EXPECT_EQ(client.read_line(), R"({"first":2,"next":3,"refused":[]})");
  bed.sequencer().set_disk_low(true);
  client.send("two\nmuch too long\nthree\n");
  EXPECT_EQ(client.read_line(),
            R"({"first":3,"next":3,"refused":[{"at":1,"fault":"dropped"},)"
            R"({"at":2,"fault":"too_long","limit":10},{"at":3,"fault":"dropped"}]})");
  EXPECT_EQ(bed.ingest().counters().dropped, 2u);
  bed.sequencer().set_disk_low(false);
  client.send("four\n");
  const std::string line = client.read_line();
  EXPECT_NE(line.find("\"refused\":[]"), std::string::npos) << line;
  EXPECT_EQ(bed.events(), (std::vector<std::string>{"one", "four"}));
  bed.await([&] { return !bed.records().empty() && bed.sequencer().status().queued_records == 0; });
  const auto records = bed.records();
  EXPECT_TRUE(std::any_of(records.begin(), records.end(), [](const std::string& record) {
    return record.starts_with(R"(gap:{"lost":2,"reason":"disk_low","since_ns":)");
  }));
}

// Family 16, in process: the disk hangs for as long as it takes to fill every bound.
TEST(Policy, ADiskThatHangsBoundsWhatIsHeld) {
  std::uint64_t injected = 0;
  for (const std::uint32_t records : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    for (const std::size_t bytes : {std::size_t{8}, std::size_t{2000}}) {
      Config config;
      config.queue_records = records;
      config.queue_bytes = 4u << 20;
      Gate gate(config);
      gate.files.close();
      std::uint64_t taken = 0;
      bool full = false;
      while (!full) {
        Batch batch = policy_batch(1000, bytes);
        full = !gate.sequencer->submit(std::move(batch), [] {});
        if (!full) taken += 1000;
        ASSERT_LE(gate.sequencer->status().queued_bytes, config.queue_bytes);
        ASSERT_LE(gate.sequencer->status().queued_records, config.queue_records);
      }
      Gate::await([&] { return gate.files.waiting() > 0; });
      Gate::await([&] { return gate.sequencer->status().writing.count() > 0; });
      EXPECT_EQ(gate.durable, 0u) << "acknowledged before the sync returned";
      gate.files.open_gate();
      gate.end();
      gate.read();
      EXPECT_EQ(gate.stored, taken);
      EXPECT_EQ(gate.sequencer->status().writing.count(), 0);
      ++injected;
    }
  }
  EXPECT_EQ(injected, 10u);
  std::cout << "family 16: injected " << injected
            << ", lost 0, false alarms 0, missed 0 (syncs that hang, in process)\n";
}

}  // namespace
}  // namespace stele::daemon
