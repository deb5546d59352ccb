// Goal: whatever single operation of the file system fails, and however, an acknowledged record or
// entry is never lost, none is invented, and no crash is taken for tampering.
// Method: the canonical session on a file system in memory; every operation × every kind of
// failure; then a restart on the same page cache and, apart, after a loss of power; everything is
// re-derived from the bytes by check_log().

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/crash/crash_session.h"

namespace stele::test {
namespace {

// The operations of an uninterrupted session; up to the one that fails a session is the same every
// time.
std::vector<std::string> calls_of_a_session() {
  CrashSession session;
  MemoryFileSystem files;
  session.run(files);
  return files.calls();
}

std::string describe(const std::vector<std::string>& calls, std::uint64_t at) {
  return "operation " + std::to_string(at) + " (" + calls[at] + ")";
}

TEST(CrashMatrix, AnUninterruptedSessionIsWhole) {
  CrashSession session;
  MemoryFileSystem files;
  session.run(files);
  Tally tally;
  session.restart_and_check(files, tally, "whole session");
  EXPECT_EQ(tally.lost + tally.false_alarms, 0u) << tally.first;
  EXPECT_TRUE(session.all_acknowledged());
  EXPECT_GT(files.list("/log/segments").size(), 4u);
  EXPECT_GT(files.list("/log/journal").size(), 2u);
  EXPECT_EQ(files.list("/log/tree").size(), 1u);
}

TEST(CrashMatrix, TheProcessDiesAtEveryOperation) {
  const std::vector<std::string> calls = calls_of_a_session();
  Tally tally;
  for (std::uint64_t at = 0; at < calls.size(); ++at) {
    for (const Failure failure : {Failure::failed, Failure::happened, Failure::torn}) {
      CrashSession session;
      MemoryFileSystem files;
      files.inject({.at = at, .failure = failure});
      try {
        session.run(files);
      } catch (const PowerCut&) {
      }
      ASSERT_TRUE(files.dead());
      ++tally.injected;
      const std::string what = describe(calls, at);
      const auto after = files.power_loss({});
      files.revive();
      CrashSession other = session;
      session.restart_and_check(files, tally, what + ", process died");
      other.restart_and_check(*after, tally, what + ", power lost");
    }
  }
  report(2, tally);
}

// Families 11 and 12: one operation fails; a failed write or sync must break the store (or, for a
// full disk, be taken back), never be acknowledged, never be believed afterwards.
void fail_every_operation(int family, bool only_sync, std::initializer_list<int> errors) {
  const std::vector<std::string> calls = calls_of_a_session();
  Tally tally;
  for (std::uint64_t at = 0; at < calls.size(); ++at) {
    const bool is_sync = calls[at].starts_with("sync");
    if (only_sync && !is_sync) continue;
    for (const int error : errors) {
      for (const Failure failure : {Failure::failed, Failure::happened, Failure::torn}) {
        CrashSession session;
        MemoryFileSystem files;
        files.inject({.at = at, .failure = failure, .error = error});
        session.run(files);
        ASSERT_TRUE(files.injected());
        ++tally.injected;
        // Only derived files may fail unnoticed, and a full disk that was tried again. (A sync that
        // says EIO has no second try.)
        const bool must_end =
            is_sync && error == EIO && calls[at].find("/tree") == std::string::npos;
        if (must_end && session.all_acknowledged()) ++tally.missed;
        const std::string what = describe(calls, at) + ": " + std::to_string(error);
        files.inject({});
        // The same cache, then power is lost at once: what a failed sync dropped is gone now.
        session.restart_and_finish(files, tally, what);
        const auto after = files.power_loss({});
        session.restart_and_check(*after, tally, what + ", then power lost");
      }
    }
  }
  report(family, tally);
}

TEST(CrashMatrix, EveryOperationFailsOnce) {
  fail_every_operation(11, false, {EIO, ENOSPC});
}

TEST(CrashMatrix, ASyncThatFailedIsNeverBelievedLater) {
  fail_every_operation(12, true, {EIO, ENOSPC, EDQUOT});
}

TEST(CrashMatrix, EverythingFailsFromSomeOperationOn) {
  const std::vector<std::string> calls = calls_of_a_session();
  Tally tally;
  for (std::uint64_t at = 0; at < calls.size(); at += 3) {
    for (const int error : {EIO, ENOSPC}) {
      CrashSession session;
      MemoryFileSystem files;
      files.inject({.at = at, .error = error, .sticky = true});
      session.run(files);
      ++tally.injected;
      if (session.all_acknowledged()) ++tally.missed;
      const std::string what = describe(calls, at) + " and all after it";
      const auto after = files.power_loss({});
      files.revive();
      CrashSession other = session;
      session.restart_and_finish(files, tally, what);
      other.restart_and_check(*after, tally, what + ", power lost");
    }
  }
  report(13, tally);
}

}  // namespace
}  // namespace stele::test
