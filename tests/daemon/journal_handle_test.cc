// Goal: a journal file is read through a descriptor that stays its owner's, whatever name the file
// has meanwhile, or none.
// Method: a file that systemd-journal-remote writes; the descriptor looked at after the handle's
// end. (libsystemd 252 closes descriptors that it was given: a number closed twice is a file of
// another thread's, or the end of the process.)
#include "daemon/ingest/journal_handle.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "daemon/ingest/journal_file.h"
#include "tests/support/scratch.h"

namespace stele::daemon {
namespace {

constexpr const char* kWriter = "/lib/systemd/systemd-journal-remote";

class JournalHandleTest : public ::testing::Test {
 protected:
  JournalHandleTest() {
    const std::string command = std::string(kWriter) + " -o " + path_ + " - 2>/dev/null";
    std::FILE* const writer = ::popen(command.c_str(), "w");
    for (int number = 0; number < 3; ++number) {
      std::fprintf(writer,
                   "__REALTIME_TIMESTAMP=1790000000000000\n__MONOTONIC_TIMESTAMP=%d\n"
                   "_BOOT_ID=%032d\n_MACHINE_ID=%032d\nMESSAGE=%d\n\n",
                   number + 1, 1, 2, number);
    }
    EXPECT_EQ(::pclose(writer), 0) << kWriter;
  }
  static int entries(const Descriptor& descriptor, const std::string& removed = {}) {
    JournalHandle handle(Config(), descriptor.value);
    if (!removed.empty()) std::filesystem::remove(removed);
    int count = 0;
    while (handle.next()) ++count;
    return count;
  }
  static bool is_open(const Descriptor& descriptor) {
    struct stat status {};
    return ::fstat(descriptor.value, &status) == 0;
  }

  test::Scratch dir_;
  const std::string path_ = dir_ / "one.journal";
};

TEST_F(JournalHandleTest, LeavesTheDescriptorOpen) {
  const Descriptor descriptor(path_);
  EXPECT_EQ(entries(descriptor), 3);
  EXPECT_TRUE(is_open(descriptor));
}

TEST_F(JournalHandleTest, ReadsWhatWasRenamedOrRemovedMeanwhile) {
  const Descriptor descriptor(path_);
  std::filesystem::rename(path_, dir_ / "two.journal");
  EXPECT_EQ(entries(descriptor), 3);
  EXPECT_EQ(entries(descriptor, dir_ / "two.journal"), 3);
  EXPECT_TRUE(is_open(descriptor));
}

TEST_F(JournalHandleTest, LeavesTheDescriptorOpenWhereItIsNoJournal) {
  std::filesystem::resize_file(path_, 7);
  const Descriptor descriptor(path_);
  EXPECT_THROW(entries(descriptor), std::system_error);
  EXPECT_TRUE(is_open(descriptor));
}

}  // namespace
}  // namespace stele::daemon
