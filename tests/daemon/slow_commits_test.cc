// Goal: a note is owed exactly where an anchor was dated seconds after records that it does not
// cover, and says what the verifier needs. Method: groups and looks on paper; then a sequencer that
// is given events which say that they came long ago.
#include "daemon/slow_commits.h"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include "daemon/sequencer.h"
#include "tests/daemon/ingest_bed.h"
#include "tests/support/memory_file_system.h"

namespace stele::daemon {
namespace {

constexpr std::int64_t kOneSecond = 1'000'000'000;
constexpr std::int64_t kWallOffset = 1'700'000'000 * kOneSecond;  // of the wall clock
constexpr std::int64_t kSlowLimit = 4 * kOneSecond;

std::vector<storage::NewRecord> records_dated(const std::vector<std::int64_t>& boot_ns) {
  std::vector<storage::NewRecord> group(boot_ns.size());
  for (std::size_t i = 0; i < group.size(); ++i) group[i].time_ns = kWallOffset + boot_ns[i];
  return group;
}

TEST(SlowCommits, ANoteIsOwedWhereAnAnchorWasDatedSecondsAfterARecordItDoesNotCover) {
  for (const std::int64_t waited :
       {std::int64_t{0}, kSlowLimit - 1, kSlowLimit, kSlowLimit + kOneSecond}) {
    SlowCommits commits;
    const std::int64_t came = 1000 * kOneSecond;
    commits.anchor_looks(came + waited);
    commits.committed(records_dated({came + 5, came, came + 7}), kWallOffset,
                      came + waited + 2 * kOneSecond);
    EXPECT_EQ(commits.owes_note(), waited >= kSlowLimit) << waited;
    const auto note = commits.take_note();
    ASSERT_EQ(note.has_value(), waited >= kSlowLimit);
    EXPECT_FALSE(commits.take_note()) << "once";
    if (!note) continue;
    const std::int64_t until = kWallOffset + came + waited + 2 * kOneSecond;
    EXPECT_EQ(note->time_ns, until);
    EXPECT_EQ(note->text, "{\"note\":\"slow_commit\",\"since_ns\":" +
                              std::to_string(kWallOffset + came) +
                              ",\"until_ns\":" + std::to_string(until) + "}");
  }
}

TEST(SlowCommits, HoweverSlowNoAnchorNoNote) {
  SlowCommits commits;
  commits.committed(records_dated({10 * kOneSecond}), kWallOffset, 100 * kOneSecond);
  EXPECT_FALSE(commits.owes_note());
  commits.anchor_looks(100 * kOneSecond);
  commits.committed(records_dated({101 * kOneSecond}), kWallOffset, 200 * kOneSecond);
  EXPECT_FALSE(commits.owes_note()) << "the anchor came before the record";
  commits.committed({}, kWallOffset, 300 * kOneSecond);
  EXPECT_FALSE(commits.owes_note());
}

TEST(SlowCommits, AnyDateIsTaken) {
  SlowCommits commits;
  commits.anchor_looks(100 * kOneSecond);
  std::vector<storage::NewRecord> group(1);
  group[0].time_ns = std::numeric_limits<std::int64_t>::max();
  commits.committed(group, kWallOffset, 200 * kOneSecond);
  EXPECT_FALSE(commits.owes_note());
  group[0].time_ns = std::numeric_limits<std::int64_t>::min();
  commits.committed(group, kWallOffset, 200 * kOneSecond);
  EXPECT_TRUE(commits.owes_note());
}

// A sequencer over a file system in memory: what it writes of an event that says it came so long
// before the look of an anchor (none: nothing looked).
struct LateEvent {
  std::optional<std::int64_t> before_look_ns;
  bool ends = false;  // the daemon does, and the event is the last of it

  std::vector<std::string> records() {
    test::MemoryFileSystem files;
    boost::asio::io_context context;
    auto work = boost::asio::make_work_guard(context);
    std::thread thread([&] { context.run(); });
    std::vector<std::string> found;
    {
      Sequencer sequencer(test::new_store(files, "/log"), Config{}, context.get_executor(), {});
      if (before_look_ns) sequencer.head_to_anchor();
      if (ends) sequencer.stop_dropping();
      Batch batch;
      batch.clocks = read_clocks();
      batch.bytes = {'x'};
      batch.items.push_back(
          {attest::Kind::event, 0, 1, batch.clocks->wall_ns - before_look_ns.value_or(kSlowLimit)});
      came_ns = batch.items.front().time_ns;
      EXPECT_TRUE(sequencer.submit(std::move(batch), {}));
      // A note makes a group of its own where nothing follows; then more comes all the same.
      while (sequencer.head().size < 2) std::this_thread::yield();
      Batch next;
      next.bytes = {'y'};
      next.items.push_back({attest::Kind::event, 0, 1, read_clocks().wall_ns});
      if (!ends) {
        EXPECT_TRUE(sequencer.submit(std::move(next), {}));
      }
      sequencer.drain();
      sequencer.store().visit(1, sequencer.head().size, [&](const storage::StoredRecord& record) {
        found.emplace_back(record.bytes.begin(), record.bytes.end());
        return true;
      });
    }
    work.reset();
    thread.join();
    return found;
  }
  std::int64_t came_ns = 0;
};

TEST(SlowCommits, TheNoteStandsRightBehindTheGroup) {
  LateEvent slow{10 * kOneSecond};
  const auto records = slow.records();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0], "x");
  EXPECT_TRUE(records[1].starts_with("{\"note\":\"slow_commit\",\"since_ns\":" +
                                     std::to_string(slow.came_ns) + ",\"until_ns\":"))
      << records[1];
  EXPECT_EQ(records[2], "y");
}

TEST(SlowCommits, WithoutAnAnchorOrInTimeThereIsNone) {
  const std::vector<std::string> events{"x", "y"};
  EXPECT_EQ(LateEvent{std::nullopt}.records(), events);
  // Dated after the look, so that a machine that stands still meanwhile makes no difference.
  EXPECT_EQ(LateEvent{kOneSecond}.records(), events);
}

TEST(SlowCommits, NoNoteFollowsTheLastRecordOfAnEndInOrder) {
  LateEvent slow{10 * kOneSecond, true};
  EXPECT_EQ(slow.records(), std::vector<std::string>{"x"});
}

}  // namespace
}  // namespace stele::daemon
