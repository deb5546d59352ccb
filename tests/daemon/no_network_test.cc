// Goal: the thread that has the TPM makes no network socket where its TCTI is a device (family 89),
// and goes on as before in all else; no other thread loses anything. Method: each family of sockets
// is tried first outside, where it must succeed, then in such a thread and in one that it starts;
// and an anchorer at work is looked at through /proc.
#include "daemon/no_network.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "daemon/anchorer.h"
#include "tests/daemon/anchoring_host.h"
#include "tests/support/tally.h"

namespace stele::daemon {
namespace {

// 0, or the error.
int makes_socket(int family, int type) {
  const int made = ::socket(family, type | SOCK_CLOEXEC, 0);
  if (made < 0) return errno;
  ::close(made);
  return 0;
}

struct SocketKind {
  const char* name;
  int family;
  int type;
};
constexpr SocketKind kOutward[] = {{"TCP", AF_INET, SOCK_STREAM},
                                   {"UDP", AF_INET, SOCK_DGRAM},
                                   {"TCP over IPv6", AF_INET6, SOCK_STREAM},
                                   {"UDP over IPv6", AF_INET6, SOCK_DGRAM},
                                   {"netlink", AF_NETLINK, SOCK_RAW}};

TEST(NoNetwork, AThreadWithoutItMakesNoSocketButOfTheHostItself) {
  test::Tally tally;
  std::thread([&] {
    const auto why_not = refuse_network();
    ASSERT_FALSE(why_not) << *why_not;
    for (const SocketKind& kind : kOutward) {
      ++tally.injected;
      const int error = makes_socket(kind.family, kind.type);
      tally.missed += error == 0;
      EXPECT_EQ(error, EACCES) << kind.name;
    }
    EXPECT_EQ(makes_socket(AF_UNIX, SOCK_STREAM), 0);
    EXPECT_TRUE(std::ifstream("/proc/self/status").good());
    std::thread([] {
      EXPECT_EQ(makes_socket(AF_INET, SOCK_STREAM), EACCES) << "one that it starts";
    }).join();
  }).join();
  // The twin: its neighbours.
  EXPECT_EQ(makes_socket(AF_INET, SOCK_STREAM), 0);
  EXPECT_EQ(makes_socket(AF_NETLINK, SOCK_RAW), 0);
  tally.report(89, "sockets that the thread with the TPM tries to make");
}

TEST(NoNetwork, OnlyADeviceIsWithoutItForCertain) {
  for (const char* tcti : {"device", "device:/dev/tpmrm0"}) EXPECT_TRUE(is_without_network(tcti));
  for (const char* tcti : {"", "swtpm", "mssim:host=localhost", "tabrmd", "cmd:true", "devices"}) {
    EXPECT_FALSE(is_without_network(tcti)) << tcti;
  }
}

int threads_under_a_filter() {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) count += line == "Seccomp:\t2" ? 1 : 0;
  }
  return count;
}

// How many threads are under a filter once this anchorer has tried its TPM.
int filtered_with(const std::string& tcti) {
  test::Host host;
  const int before = threads_under_a_filter();
  if (!tcti.empty()) host.config.tcti = tcti;
  test::Running running(host);
  EXPECT_TRUE(running.wait_for([&](const AnchorStatus&) { return running.is_ready(); }));
  return threads_under_a_filter() - before;
}

TEST(NoNetwork, TheAnchorersThreadIsWithoutItOverADeviceAndOverNoOtherTcti) {
  if (threads_under_a_filter() > 0) GTEST_SKIP() << "this process is under a filter itself";
  EXPECT_GE(filtered_with("device:/nonexistent/tpm"), 1);
  EXPECT_EQ(filtered_with(""), 0) << "swtpm's TCTI connects by TCP";
}

}  // namespace
}  // namespace stele::daemon
