// Goal: a place on a mount that hangs holds up no other place and not the end of the daemon, its
// lag stays honest, and the thread that is left behind there touches nothing of the log. Method: a
// log on paper; two places, the syncs of one behind a closed gate; what the log gives is counted,
// also once it is gone.
#include "daemon/outward/outward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "daemon/outward/journal_receipts.h"
#include "daemon/outward/push_file.h"
#include "storage/journal.h"
#include "tests/support/gated_file_system.h"
#include "tests/support/own_threads.h"
#include "tests/support/paper_log.h"
#include "tests/support/scratch.h"

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;
using attest::EntryKind;

constexpr auto kPatience = 60s;  // generous: until a step that should happen counts as failed

bool happens(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

std::string text_of_outward(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Only what lies below a folder of this name hangs.
class Mount : public test::GatedFileSystem {
 public:
  std::unique_ptr<storage::File> open(const std::string& path, Open how) override {
    if (path.find("/hangs/") == path.npos) return storage::posix().open(path, how);
    return GatedFileSystem::open(path, how);
  }
};

// A log of three counter anchors, and a fourth that grow() brings.
struct Log {
  Log() {
    paper.start();
    std::size_t entries_of_three = 0;
    for (int i = 0; i < 3; ++i) {
      entries_of_three = paper.entries.size();
      paper.events(1);
      paper.counter();
    }
    storage::FileSystem& files = storage::posix();
    const auto& first = paper.entries.at(0).payload;
    log_id = attest::log_id(first);
    storage::Journal::create(files, folder.path(), log_id, first);
    journal.emplace(storage::Journal::open(files, folder.path(), {}, [](auto, auto, auto) {}));
    append_until(entries_of_three);
    storage::NewRecord genesis;
    genesis.kind = attest::Kind::genesis;
    genesis.bytes = first;
    storage::Store::create(files, folder.path(), log_id, 0, genesis);
    store.emplace(storage::Store::open_for_reading(files, folder.path()));
    signer.emplace("test.example/log");
    for (const char* name : {"hangs", "works"}) {
      std::filesystem::create_directory(folder / name);
      PushPlace place;
      place.to = folder / (std::string(name) + "/receipts");
      place.same_mount = true;
      config.pushes.push_back(place);
    }
    config.data = folder.path();
  }
  void append_until(std::size_t entries) {
    for (; appended < entries; ++appended) {
      journal->append(EntryKind{paper.entries[appended].kind}, paper.entries[appended].payload);
    }
    const std::lock_guard lock(mutex);
    anchors.clear();
    JournalReceipts receipts(folder.path(), std::nullopt);
    while (const auto anchor = receipts.next())
      anchors.push_back({anchor->statement, anchor->receipt});
  }
  void grow() { append_until(paper.entries.size()); }
  CounterAnchor newest() {
    touched_behind_its_end += gone ? 1 : 0;
    const std::lock_guard lock(mutex);
    return anchors.back();
  }
  OwnLog seen() {
    return {folder.path(),
            "test.example/log",
            log_id,
            *signer,
            *store,
            [this] { return newest().statement.tree; },
            [this] { return std::optional(newest()); }};
  }

  test::Scratch folder;
  test::PaperLog paper;
  attest::Hash log_id;
  std::optional<storage::Journal> journal;
  std::size_t appended = 1;  // of the paper's entries; the first made the journal
  std::mutex mutex;          // guards the anchors
  std::vector<CounterAnchor> anchors;
  std::optional<storage::Store> store;
  std::optional<CheckpointSigner> signer;
  Config config;
  std::atomic<bool> gone{false};
  std::atomic<int> touched_behind_its_end{0};
};

TEST(Outward, APlaceThatHangsHoldsUpNoOtherAndItsThreadTouchesNothingBehindTheEnd) {
  Mount mount;  // the place outlives the log
  Log log;
  ASSERT_EQ(log.anchors.size(), 3u);
  test::begin_with_a_thread();
  const auto threads_before = test::count_threads();
  mount.close();
  std::optional<Outward> outward;
  outward.emplace(log.config, log.seen(), mount);
  outward->start();
  const auto reaches = [&](std::uint64_t lag, std::uint64_t other_lag) {
    return happens([&] {
      const auto now = outward->status();
      return now[0].lag == lag && now[1].lag == other_lag && mount.waiting() == 1;
    });
  };
  // One has all, the other none of it: its lag is counted from the first that it has not.
  EXPECT_TRUE(reaches(3, 0));
  EXPECT_EQ(outward->status()[0].lag_since_ns, log.anchors[0].statement.wallclock_ns);
  EXPECT_EQ(outward->status()[1].lag_since_ns, 0);
  log.grow();
  outward->anchored();
  EXPECT_TRUE(reaches(4, 0));
  EXPECT_EQ(outward->status()[0].through, 0u);
  EXPECT_EQ(outward->status()[1].through, 4u);

  outward->stop(10ms);
  outward.reset();
  log.gone = true;
  log.signer.reset();
  log.store.reset();
  EXPECT_EQ(mount.waiting(), 1);
  mount.open_gate();
  EXPECT_TRUE(happens([&] { return test::count_threads() == threads_before; }));
  EXPECT_EQ(log.touched_behind_its_end, 0);
  // It wrote what it had been given, whole: three receipts, as the other place has them.
  const std::string late = text_of_outward(log.folder / "hangs/receipts");
  EXPECT_TRUE(text_of_outward(log.folder / "works/receipts").starts_with(late));
  EXPECT_EQ(std::count(late.begin(), late.end(), '\n'), 3);
}

TEST(Outward, APlaceThatComesBackGetsAllAndIsNotBehindAnyMore) {
  Mount mount;
  Log log;
  mount.close();
  Outward outward(log.config, log.seen(), mount);
  outward.start();
  EXPECT_TRUE(happens([&] { return mount.waiting() == 1; }));
  log.grow();
  mount.open_gate();
  EXPECT_TRUE(happens([&] { return outward.status()[0].lag == 0; }));
  EXPECT_EQ(outward.status()[0].state, OutwardStatus::State::working);
  EXPECT_EQ(outward.status()[0].lag_since_ns, 0);
  outward.stop(kPatience);
  EXPECT_EQ(text_of_outward(log.folder / "hangs/receipts"),
            text_of_outward(log.folder / "works/receipts"));
}

TEST(PushFile, SaysThatAnAppendHangsAndWaitsForItAllTheSame) {
  const test::Scratch folder;
  std::filesystem::create_directory(folder / "hangs");
  Mount mount;
  mount.close();
  PushPlace place;
  place.to = folder / "hangs/receipts";
  place.same_mount = true;
  PushFile file(place, folder.path(), mount, 1ms);
  boost::asio::io_context context;
  int said = 0;
  std::function<void()> hangs = [&] {
    ++said;
    mount.open_gate();
  };
  std::string failure = "never ended";
  boost::asio::co_spawn(context, file.append("line\n", hangs),
                        [&](const std::exception_ptr& failed, const std::string& with) {
                          EXPECT_FALSE(failed);
                          failure = with;
                        });
  context.run();
  EXPECT_EQ(failure, "");
  EXPECT_EQ(said, 1);
  EXPECT_EQ(text_of_outward(place.to), "line\n");
}

}  // namespace
}  // namespace stele::daemon
