// Goal: boot logs are kept under their hash, whole or not at all, and once.
// Method: the real file system in a scratch folder; what a crash would leave is put there by hand.
#include "daemon/boot_evidence.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

namespace stele::daemon {
namespace {

std::string name_of(attest::ByteView log) { return attest::to_hex(attest::hash(log)); }

TEST(BootEvidence, KeepsALogUnderItsHash) {
  test::Scratch scratch;
  const attest::Bytes log(100'000, 0x5a);
  keep_boot_log(storage::posix(), scratch.path().string(), log);
  keep_boot_log(storage::posix(), scratch.path().string(), log);
  const std::string kept = test::read_file(scratch.path() / "boot" / name_of(log));
  EXPECT_EQ(attest::Bytes(kept.begin(), kept.end()), log);
  EXPECT_EQ(storage::posix().list(scratch / "boot").size(), 1u);
}

TEST(BootEvidence, ADraftLeftByACrashIsReplaced) {
  test::Scratch scratch;
  const attest::Bytes log{1, 2, 3};
  std::filesystem::create_directory(scratch.path() / "boot");
  std::ofstream(scratch.path() / "boot" / (name_of(log) + ".new")) << "torn";
  keep_boot_log(storage::posix(), scratch.path().string(), log);
  const std::string kept = test::read_file(scratch.path() / "boot" / name_of(log));
  EXPECT_EQ(attest::Bytes(kept.begin(), kept.end()), log);
  EXPECT_EQ(storage::posix().list(scratch / "boot").size(), 1u);
}

TEST(BootEvidence, AnEmptyLogLeavesNothing) {
  test::Scratch scratch;
  keep_boot_log(storage::posix(), scratch.path().string(), {});
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "boot"));
}

TEST(BootEvidence, NamesTheBootOfThisMachine) {
  if (!std::filesystem::exists("/proc/sys/kernel/random/boot_id")) GTEST_SKIP() << "no boot id here";
  const auto first = read_boot_evidence(storage::posix(), {}).boot_id;
  EXPECT_NE(first, (std::array<std::uint8_t, 16>{}));
  EXPECT_EQ(first, read_boot_evidence(storage::posix(), {}).boot_id);
}

TEST(BootEvidence, ReadsTheLogsThatItIsTold) {
  test::Scratch scratch;
  const std::string event_log = scratch / "event_log";
  std::ofstream(event_log) << "measured";
  const BootEvidence both = read_boot_evidence(storage::posix(), {event_log, event_log});
  EXPECT_EQ(std::string(both.event_log.begin(), both.event_log.end()), "measured");
  EXPECT_EQ(both.ima_log, both.event_log);
  for (const std::string& none : {std::string(), scratch / "absent", scratch.path().string()}) {
    EXPECT_TRUE(read_boot_evidence(storage::posix(), {none, none}).event_log.empty()) << none;
  }
}

// The kernel's logs tell of this machine's TPM, and a simulator is another.
TEST(BootLogPaths, AreTheKernelsUnlessTheTpmIsASimulatorOrSomethingElseIsConfigured) {
  Config config;
  for (const char* tcti : {"device:/dev/tpmrm0", "tabrmd:bus_type=system"}) {
    config.tcti = tcti;
    EXPECT_TRUE(boot_log_paths(config).event_log.starts_with("/sys/kernel/security/tpm0/")) << tcti;
    EXPECT_TRUE(boot_log_paths(config).ima_list.starts_with("/sys/kernel/security/ima/")) << tcti;
  }
  for (const char* tcti : {"swtpm:host=127.0.0.1,port=1", "mssim:host=127.0.0.1"}) {
    config.tcti = tcti;
    EXPECT_EQ(boot_log_paths(config).event_log + boot_log_paths(config).ima_list, "") << tcti;
  }
  config.boot_event_log = "/copy";
  config.boot_ima_list = "";
  EXPECT_EQ(boot_log_paths(config).event_log, "/copy");
  EXPECT_EQ(boot_log_paths(config).ima_list, "");
}

}  // namespace
}  // namespace stele::daemon
