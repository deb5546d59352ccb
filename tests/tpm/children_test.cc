// Goal: a program that a TCTI starts inherits standard input, output and error, and no socket or
// file of ours, however those were opened and whenever. Method: such a program tells its own
// descriptors, and goes on as the way to a swtpm, while another thread opens descriptors that exec()
// would keep.
#include "tpm/children.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/scratch.h"
#include "tests/support/swtpm.h"
#include "tpm/device.h"

namespace stele::test {
namespace {

// Those of the `ls` that looks: the standard ones and, in the next free place, the folder it reads.
const std::set<std::string> kStandardOnes{"0", "1", "2", "3"};

std::set<std::string> told_in(const std::string& path) {
  std::ifstream file(path);
  std::set<std::string> numbers;
  for (std::string line; std::getline(file, line);) numbers.insert(line);
  return numbers;
}

std::string teller(const std::string& path, const Swtpm& swtpm) {
  return "cmd:ls -1 /proc/self/fd > " + path + "; exec socat - TCP:127.0.0.1:" +
         std::to_string(swtpm.port());
}

TEST(Children, OfATctiInheritNoDescriptorOfOurs) {
  const Scratch scratch;
  const Swtpm swtpm;
  int open[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, open), 0);
  {
    tpm::Device device(teller(scratch / "told", swtpm));
    EXPECT_EQ(device.kind().manufacturer, "IBM");
  }
  EXPECT_EQ(told_in(scratch / "told"), kStandardOnes);
  for (const int one : open) ::close(one);
}

TEST(Children, OfATctiInheritNothingThatIsOpenedJustThen) {
  const Scratch scratch;
  const Swtpm swtpm;
  std::atomic<bool> done{false};
  std::thread opener([&] {
    while (!done) {
      std::vector<int> opened;
      for (int i = 0; i < 50; ++i) opened.push_back(::socket(AF_UNIX, SOCK_STREAM, 0));
      for (const int one : opened) ::close(one);
    }
  });
  for (int round = 0; round < 10; ++round) {
    const std::string told = scratch / std::to_string(round);
    tpm::Device device(teller(told, swtpm));
    EXPECT_EQ(device.kind().manufacturer, "IBM");
    EXPECT_EQ(told_in(told), kStandardOnes);
  }
  done = true;
  opener.join();
}

// Whoever forks for reasons of its own passes on what it means to.
bool child_has(int descriptor) {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("test", "test", "-e", path.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Children, OfOthersAreLeftAlone) {
  const int kept = ::open("/dev/null", O_RDONLY);
  ASSERT_GE(kept, 3);
  EXPECT_TRUE(child_has(kept));
  {
    const tpm::ChildrenInheritNothing here;
    EXPECT_FALSE(child_has(kept));
    bool there = false;
    std::thread([&] { there = child_has(kept); }).join();
    EXPECT_TRUE(there) << "another thread's";
  }
  EXPECT_TRUE(child_has(kept));
  ::close(kept);
}

}  // namespace
}  // namespace stele::test
