// Goal: journal files of a directory and of its machines' folders are found, whatever else lies
// there; what changes is told; a folder that cannot be read is left out and the others are found.
// Method: real folders, one of them closed to the thread that looks.
#include "daemon/ingest/journal_folders.h"

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <string>
#include <system_error>

#include "tests/support/scratch.h"

namespace stele::daemon {
namespace {

using Names = std::set<std::string>;

class JournalFoldersTest : public ::testing::Test {
 protected:
  JournalFoldersTest() {
    std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
    std::filesystem::create_directory(a_);
    std::filesystem::create_directory(b_);
  }
  static void put(const std::string& path) { std::ofstream(path) << "x"; }
  Names list(JournalFolders& folders) const {
    Names out;
    folders.list([&](const std::string& folder, const std::string& name, const FileId&,
                     const FileLook& look) {
      EXPECT_EQ(look.bytes, 1);
      out.insert(std::filesystem::relative(folder + "/" + name, dir_.path()).string());
    });
    return out;
  }

  Names list_as_nobody(JournalFolders& folders) const {
    return std::async(std::launch::async, [&] {
             ::setfsuid(65534);  // this thread's alone; and no capability opens a folder to it
             return list(folders);
           }).get();
  }

  test::Scratch dir_;
  const std::string a_ = (dir_.path() / "").string() + std::string(32, 'a');
  const std::string b_ = (dir_.path() / "").string() + std::string(32, 'b') + ".space";
  const std::string in_a_ = std::string(32, 'a') + "/system.journal";
  const std::string in_b_ = std::string(32, 'b') + ".space/user-7@1.journal~";
};

TEST_F(JournalFoldersTest, FindsFilesByNameInItAndInMachinesFolders) {
  const std::string root = (dir_.path() / "").string();
  for (const char* name : {"x.journal", "system.journal.tmp", ".journal.zst", "journal"}) {
    put(root + name);
  }
  put(root + in_a_);
  put(root + in_b_);
  std::filesystem::create_directory(root + "other");
  put(root + "other/system.journal");
  std::filesystem::create_directory(root + "folder.journal");
  std::filesystem::create_symlink("nowhere", root + "link.journal");
  JournalFolders folders(dir_.path().string());
  EXPECT_EQ(list(folders), (Names{"x.journal", in_a_, in_b_}));
  EXPECT_TRUE(folders.all_read());
}

TEST_F(JournalFoldersTest, TellsWhatCameWentOrWasDoneWith) {
  JournalFolders folders(dir_.path().string());
  list(folders);
  folders.take_changes();
  EXPECT_FALSE(folders.take_changes());
  put(a_ + "/system.journal");
  EXPECT_TRUE(folders.take_changes());
  std::ofstream out(a_ + "/system.journal", std::ios::app);
  folders.take_changes();
  out << "y" << std::flush;
  EXPECT_FALSE(folders.take_changes());  // grows: that is no change of the directory
  out.close();
  EXPECT_TRUE(folders.take_changes());
  std::filesystem::rename(a_ + "/system.journal", a_ + "/system@1.journal");
  EXPECT_TRUE(folders.take_changes());
  std::filesystem::remove(a_ + "/system@1.journal");
  EXPECT_TRUE(folders.take_changes());
}

TEST_F(JournalFoldersTest, LeavesOutAFolderThatCannotBeReadUntilItCan) {
  if (::geteuid() != 0) GTEST_SKIP() << "as another user: needs root";
  const std::string root = (dir_.path() / "").string();
  put(root + in_a_);
  put(root + in_b_);
  JournalFolders folders(dir_.path().string());
  for (const auto perms : {0, 0644}) {  // not to be listed; listed, and nothing in it seen
    std::filesystem::permissions(a_, std::filesystem::perms(perms));
    EXPECT_EQ(list_as_nobody(folders), Names{in_b_}) << perms;
    EXPECT_TRUE(folders.is_unread(a_));
    EXPECT_FALSE(folders.is_unread(b_));
    EXPECT_FALSE(folders.all_read());
  }
  std::filesystem::permissions(a_, std::filesystem::perms(0755));
  EXPECT_EQ(list_as_nobody(folders), (Names{in_a_, in_b_}));
  EXPECT_TRUE(folders.all_read());
  std::filesystem::create_directory(root + "closed");
  put(root + "closed/x.journal");
  std::filesystem::permissions(root + "closed", std::filesystem::perms(0));
  std::filesystem::create_symlink("closed/x.journal", root + "x.journal");
  EXPECT_EQ(list_as_nobody(folders), (Names{in_a_, in_b_}));  // one file that cannot be looked at
  EXPECT_TRUE(folders.is_unread(dir_.path().string()));
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0));
  EXPECT_THROW(list_as_nobody(folders), std::system_error);  // the directory itself
}

}  // namespace
}  // namespace stele::daemon
