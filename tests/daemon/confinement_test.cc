// Goal: a confined thread opens neither the TPM nor the store nor its secrets, changes no file and
// starts no program (family 89), while its neighbours go on as before; and what confinement does
// not do is a test, too. Method: a data directory and a device in a scratch folder; each attempt is
// made first unconfined, where it must succeed, then in a confined thread.
#include "daemon/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "tests/support/scratch.h"
#include "tests/support/tally.h"

namespace stele::daemon {
namespace {

bool opens(const std::string& path, int flags) {
  const int number = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (number >= 0) ::close(number);
  return number >= 0;
}

bool starts_a_program() {
  char name[] = "/usr/bin/true";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, name, nullptr, nullptr, arguments, environment) != 0) return false;
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class Confinement : public testing::Test {
 protected:
  Confinement() {
    for (const char* folder : {"data", "data/segments", "data/journal", "run"})
      std::filesystem::create_directory(scratch_.path() / folder);
    for (const std::string& file : {segment, secrets, socket}) std::ofstream(file) << "bytes";
  }

  // Runs the work in a confined thread; skips visibly where the kernel cannot.
  void confined(const MayReach& may_reach, const std::function<void()>& work) {
    std::optional<std::string> why_not;
    std::thread([&] {
      why_not = confine_thread(may_reach);
      if (!why_not) work();
    }).join();
    if (why_not) GTEST_SKIP() << "no confinement here: " << *why_not;
  }

  // What an intruder would try; true: it worked.
  std::map<std::string, std::function<bool()>> attempts() const {
    return {
        {"open the TPM", [] { return opens(kDevice, O_RDWR); }},
        {"read the secrets", [this] { return opens(secrets, O_RDONLY); }},
        {"write to a segment", [this] { return opens(segment, O_WRONLY); }},
        {"truncate a segment", [this] { return ::truncate(segment.c_str(), 5) == 0; }},
        {"make a file in the journal",
         [this] { return opens(data + "/journal/new", O_CREAT | O_RDWR); }},
        {"make a folder", [this] { return ::mkdir((data + "/folder").c_str(), 0700) == 0; }},
        {"list the store", [this] { return opens(data + "/segments", O_RDONLY | O_DIRECTORY); }},
        {"rename a segment",
         [this] {
           const std::string other = segment + ".old";
           return ::rename(segment.c_str(), other.c_str()) == 0 &&
                  ::rename(other.c_str(), segment.c_str()) == 0;
         }},
        {"start a program", starts_a_program}};
  }

  // Any device file: the kernel judges a path, whatever is behind it.
  static constexpr const char* kDevice = "/dev/null";
  test::Scratch scratch_;
  const std::string data = scratch_ / "data";
  const std::string segment = scratch_ / "data/segments/0000000000000000";
  const std::string secrets = scratch_ / "data/secrets";
  const std::string socket = scratch_ / "run/ingest.sock";
};

TEST_F(Confinement, WhatSendersCouldTakeOverOpensNeitherTpmNorStore) {
  for (const auto& [what, attempt] : attempts()) EXPECT_TRUE(attempt()) << what << ", unconfined";
  std::filesystem::remove(data + "/journal/new");
  std::filesystem::remove(data + "/folder");
  test::Tally tally;
  confined(reach_of_ingest({socket, ""}), [&] {
    for (const auto& [what, attempt] : attempts()) {
      ++tally.injected;
      const bool worked = attempt();
      tally.missed += worked;
      EXPECT_FALSE(worked) << what;
    }
    EXPECT_EQ(::unlink(socket.c_str()), 0) << "its own socket's name";
    EXPECT_NE(::unlink(segment.c_str()), 0) << "a segment's";
  });
  if (IsSkipped()) return;
  // The twin: the neighbours, which write the store and talk to the TPM.
  for (const auto& [what, attempt] : attempts()) EXPECT_TRUE(attempt()) << what << ", a neighbour";
  tally.report(89, "attempts of a confined thread at TPM, store, secrets and programs");
}

TEST_F(Confinement, WhoAnswersHttpMayReadTheLogAndNothingElse) {
  confined(reach_of_http(data, {}), [&] {
    EXPECT_TRUE(opens(segment, O_RDONLY));
    EXPECT_TRUE(opens(data + "/segments", O_RDONLY | O_DIRECTORY));
    EXPECT_FALSE(opens(segment, O_WRONLY));
    EXPECT_FALSE(opens(secrets, O_RDONLY));
    EXPECT_FALSE(opens(kDevice, O_RDWR));
    EXPECT_FALSE(starts_a_program());
  });
}

// Why it is no wall: memory and descriptors are shared.
TEST_F(Confinement, WhatIsOpenAlreadyStaysOpen) {
  const int before = ::open(segment.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(before, 0);
  confined(reach_of_ingest({}), [&] { EXPECT_EQ(::pwrite(before, "x", 1, 0), 1); });
  ::close(before);
}

TEST_F(Confinement, WhatAConfinedThreadStartsIsConfined) {
  confined(reach_of_ingest({}),
           [&] { std::thread([&] { EXPECT_FALSE(opens(secrets, O_RDONLY)); }).join(); });
}

}  // namespace
}  // namespace stele::daemon
