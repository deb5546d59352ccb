// Goal: whoever waits for the queue waits with bytes as they came, and in turn: no batch is made
// that cannot be handed on, nobody is passed by, nothing counts before it is taken. Method: intakes
// that are fed by hand, a sequencer whose disk hangs for as long as the test says; the log read
// afterwards.
#include "daemon/ingest/intake.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstring>
#include <limits>
#include <string_view>

#include "tests/daemon/ingest_bed.h"
#include "tests/support/gated_file_system.h"

namespace stele::daemon {
namespace {

constexpr std::uint32_t kQueueRecords = 4096;  // of the queue: one batch of the shortest events
constexpr std::uint32_t kLongestEvent = 1u << 20;

class IntakeTest : public ::testing::Test {
 protected:
  struct Sender {
    std::shared_ptr<Intake> intake;
    bool done = false;
  };

  void begin(OnTrouble on_disk_low = OnTrouble::warn) {
    Config config;
    config.queue_records = kQueueRecords;
    config.on_disk_low = on_disk_low;
    auto store = test::new_store(files_, scratch_.path().string());
    sequencer_.emplace(std::move(store), config, context_.get_executor(), Sequencer::Hooks{});
    shared_ = std::make_shared<IngestShared>(*sequencer_, kLongestEvent);
  }
  ~IntakeTest() override {
    files_.open_gate();
    for (const auto& one : senders_) one->intake->close();
    run_until([&] {
      return std::all_of(senders_.begin(), senders_.end(),
                         [](const auto& one) { return one->done; });
    });
    if (sequencer_) sequencer_->drain();
    context_.restart();
    context_.poll();
  }

  // One whose events have this name.
  Sender& sender(const std::string& name) {
    senders_.push_back(std::make_unique<Sender>());
    senders_.back()->intake =
        std::make_shared<Intake>(context_.get_executor(), shared_, "{\"name\":\"" + name + "\"}",
                                 Framing(Frame::lf, kLongestEvent));
    senders_.back()->done = true;
    return *senders_.back();
  }
  // It has received this, and takes events of it for as long as that takes.
  void give(Sender& sender, std::string_view bytes, bool ended = false, bool clean = true) {
    ReadBuffer& buffer = sender.intake->buffer();
    while (!bytes.empty()) {
      const auto space = buffer.space();
      const std::size_t count = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), count);
      buffer.received(count);
      bytes.remove_prefix(count);
    }
    sender.done = false;
    boost::asio::co_spawn(
        context_,
        [intake = sender.intake, ended, clean] { return intake->take_events(ended, clean); },
        [&sender](const std::exception_ptr& failed) {
          EXPECT_FALSE(failed);
          sender.done = true;
        });
    poll();
  }
  void poll() {
    context_.restart();
    context_.poll();
  }
  void run_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it does not come about";
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(100));
    }
  }
  // The disk hangs, and the queue takes nothing more.
  void fill_the_queue() {
    files_.close();
    const auto source = std::make_shared<const std::string>("{\"name\":\"filler\"}");
    for (bool taken = true; taken;) {
      Batch batch;
      batch.source = source;
      batch.bytes = {'f'};
      batch.items.assign(kQueueRecords / 4, {attest::Kind::event, 0, 1, 42});
      taken = sequencer_->submit(std::move(batch), {});
    }
  }
  // In the order of the log, the fillers' left out.
  std::vector<std::string> logged(attest::Kind kind = attest::Kind::event) {
    std::vector<std::string> found;
    const storage::Store& store = sequencer_->store();
    store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
      std::string text(record.bytes.begin(), record.bytes.end());
      if (record.leaf.kind == kind && text != "f") found.push_back(std::move(text));
      return true;
    });
    return found;
  }

  test::Scratch scratch_;
  test::GatedFileSystem files_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  std::optional<Sequencer> sequencer_;
  std::shared_ptr<IngestShared> shared_;
  std::vector<std::unique_ptr<Sender>> senders_;
};

std::string intake_lines(const std::string& event, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += event + "\n";
  return text;
}

TEST_F(IntakeTest, WhoWaitsForTheQueueHoldsBytesAndNoBatch) {
  begin();
  fill_the_queue();
  const std::string many = intake_lines(std::string(300, 'm'), 800);  // in a large buffer
  const std::string few = intake_lines("few", 4000);                  // as long as its own
  Sender& large = sender("large");
  Sender& small = sender("small");
  give(large, many);
  give(small, few);
  EXPECT_FALSE(large.done || small.done);
  EXPECT_EQ(large.intake->buffer().rest().size(), many.size());
  EXPECT_EQ(small.intake->buffer().rest().size(), few.size());
  EXPECT_EQ(shared_->room.lent(), 1u) << "what fits into its own waits there";
  EXPECT_EQ(shared_->events, 0u) << "nothing counts before it is taken";
  EXPECT_EQ(small.intake->taken(), 0u);
  EXPECT_TRUE(large.intake->all_placed());
  files_.open_gate();
  run_until([&] { return large.done && small.done; });
  EXPECT_EQ(shared_->events, 4800u);
  EXPECT_EQ(shared_->bytes, many.size() + few.size());
  EXPECT_TRUE(large.intake->buffer().rest().empty());
  run_until([&] { return large.intake->all_placed() && small.intake->all_placed(); });
  std::vector<std::string> expected(800, std::string(300, 'm'));
  expected.insert(expected.end(), 4000, "few");
  EXPECT_EQ(logged(), expected) << "first come, first served";
  large.intake->buffer().settle();
  EXPECT_EQ(shared_->room.lent(), 0u);
}

// Each batch fills the queue by itself, so that all wait each time.
TEST_F(IntakeTest, NobodyIsPassedByHoweverMuchTheOthersHave) {
  begin();
  fill_the_queue();
  const std::size_t events = 60'000;
  for (const char* const name : {"a", "b", "c"}) give(sender(name), intake_lines(name, events));
  Sender& late = sender("d");
  give(late, intake_lines("d", 2 * events));
  files_.open_gate();
  run_until([&] {
    return std::all_of(senders_.begin(), senders_.end(), [](const auto& one) { return one->done; });
  });
  run_until([&] { return sequencer_->status().queued_records == 0; });
  std::string in_order;
  std::size_t run = 0, total = 0;
  const auto log = logged();
  for (std::size_t i = 0; i < log.size(); ++i, ++total) {
    const bool same = i > 0 && log[i] == log[i - 1];
    if (same && run < kQueueRecords - 2) {
      ++run;
      continue;
    }
    in_order += log[i];
    run = 1;
  }
  EXPECT_EQ(total, 5 * events);
  std::string expected;
  const std::size_t batches = events / (kQueueRecords - 2) + 1;
  for (std::size_t i = 0; i < batches; ++i) expected += "abcd";
  ASSERT_GT(in_order.size(), expected.size());
  EXPECT_EQ(in_order.substr(0, expected.size()), expected);
  EXPECT_EQ(in_order.find_first_not_of('d', expected.size()), std::string::npos);
}

TEST_F(IntakeTest, WhatCannotBeHandedOnIsNotTold) {
  begin();
  fill_the_queue();
  Sender& asks = sender("asks");
  asks.intake->acknowledge();
  give(asks, "one\n" + std::string(kLongestEvent / 8, 'x') + "\ntwo\n");
  Acknowledgements& telling = *asks.intake->acknowledgements();
  EXPECT_TRUE(telling.empty());
  EXPECT_EQ(telling.backlog(), 0u);
  files_.open_gate();
  run_until([&] { return asks.done && asks.intake->all_placed(); });
  const std::string told = telling.take_lines(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  EXPECT_NE(told.find("\"refused\":[]"), std::string::npos) << told;
  EXPECT_EQ(logged().size(), 3u);
  EXPECT_TRUE(telling.empty());
}

TEST_F(IntakeTest, TheEndOfALineThatWaitsIsTakenOnce) {
  begin();
  fill_the_queue();
  Sender& ends = sender("ends");
  give(ends, "whole\nlast", true);
  EXPECT_EQ(ends.intake->buffer().rest().size(), 10u);
  files_.open_gate();
  run_until([&] { return ends.done && ends.intake->all_placed(); });
  EXPECT_EQ(logged(), (std::vector<std::string>{"whole", "last"}));
  EXPECT_EQ(shared_->events, 2u);
}

// It may be as long as the longest event, and has no turn any more where its sender was ended.
TEST_F(IntakeTest, WhatIsRefusedDoesNotWaitOnlyItsRecordDoes) {
  begin();
  fill_the_queue();
  Sender& broken_off = sender("broken off");
  give(broken_off, std::string(1'000'000, 'b'));
  EXPECT_TRUE(broken_off.done && broken_off.intake->buffer().is_long());
  give(broken_off, std::string(1, 'b'), true, false);
  Sender& too_long = sender("too long");
  give(too_long, std::string(kLongestEvent + 1, 't'));
  Sender& next = sender("next");
  give(next, "next\n");
  for (Sender* one : {&broken_off, &too_long}) {
    EXPECT_FALSE(one->done);
    EXPECT_TRUE(one->intake->buffer().rest().empty());
    EXPECT_FALSE(one->intake->buffer().is_long());
    EXPECT_EQ(one->intake->taken(), 1u);
  }
  EXPECT_EQ(shared_->room.lent(), 0u);
  EXPECT_EQ(shared_->refused, 2u);
  files_.open_gate();
  run_until([&] { return broken_off.done && too_long.done && next.done; });
  run_until([&] { return sequencer_->status().queued_records == 0; });
  EXPECT_EQ(logged(), (std::vector<std::string>{"next"}));
  EXPECT_EQ(logged(attest::Kind::gap),
            (std::vector<std::string>{R"({"lost":1,"reason":"truncated"})",
                                      R"({"lost":1,"reason":"too_long"})"}));
}

TEST_F(IntakeTest, WhoIsClosedWhileItWaitsGivesBackWhatItHasAndMakesWay) {
  begin();
  fill_the_queue();
  Sender& gone = sender("gone");
  Sender& next = sender("next");
  give(gone, intake_lines(std::string(300, 'g'), 800));
  give(next, "next\n");
  EXPECT_EQ(shared_->room.lent(), 1u);
  gone.intake->close();
  poll();
  EXPECT_TRUE(gone.done);
  EXPECT_EQ(shared_->room.lent(), 0u);
  EXPECT_FALSE(next.done);
  files_.open_gate();
  run_until([&] { return next.done && next.intake->all_placed(); });
  EXPECT_EQ(logged(), (std::vector<std::string>{"next"}));
}

// Who came before the disk was low waits for the queue; whoever comes now does not stand behind
// him.
TEST_F(IntakeTest, WhatIsDroppedStandsInNoLine) {
  begin(OnTrouble::drop_with_record);
  fill_the_queue();
  Sender& before = sender("before");
  give(before, "before\n");
  EXPECT_FALSE(before.done);
  sequencer_->set_disk_low(true);
  Sender& now = sender("now");
  give(now, "now\nand now\n");
  EXPECT_TRUE(now.done);
  run_until([&] { return shared_->dropped == 2u; });
  EXPECT_FALSE(before.done);
  sequencer_->set_disk_low(false);
  files_.open_gate();
  run_until([&] { return before.done && before.intake->all_placed(); });
  EXPECT_EQ(logged(), (std::vector<std::string>{"before"}));
}

}  // namespace
}  // namespace stele::daemon
