// Goal: the real file system does what file_system.h says.
// Method: each call in a scratch folder, its refusals included.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include "storage/file_system.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

using Open = FileSystem::Open;

ByteView bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string read(const File& file, std::uint64_t offset, std::size_t count) {
  std::string text(count, '?');
  text.resize(
      file.read(offset, std::span(reinterpret_cast<std::uint8_t*>(text.data()), text.size())));
  return text;
}

TEST(PosixFileSystem, WritesManyPartsAndReadsThemBack) {
  const test::Scratch scratch;
  const auto file = posix().open(scratch / "file", Open::create_new);
  const std::vector<ByteView> parts(200, bytes("part "));  // more than one writev takes
  file->write(0, parts);
  file->write(1000, std::array{ByteView{}, bytes("end"), ByteView{}});
  file->sync();
  EXPECT_EQ(file->size(), 1003u);
  EXPECT_EQ(read(*file, 995, 100), "part end");
  EXPECT_EQ(read(*file, 5000, 10), "");
  file->truncate(4);
  EXPECT_EQ(read(*posix().open(scratch / "file", Open::read_only), 0, 10), "part");
  EXPECT_THROW(posix().open(scratch / "file", Open::create_new), std::system_error);
}

TEST(PosixFileSystem, MakesFilesThatOthersCannotRead) {
  const test::Scratch scratch;
  posix().create_directory(scratch / "made");
  posix().create_directory(scratch / "made");
  static_cast<void>(posix().open(scratch / "made/file", Open::create_new));
  struct stat status {};
  ASSERT_EQ(::stat((scratch / "made").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0700u);
  ASSERT_EQ(::stat((scratch / "made/file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  EXPECT_THROW(posix().create_directory(scratch / "made/file"), std::system_error);
}

TEST(PosixFileSystem, OpensOnlyRegularFilesAndNeverWaits) {
  const test::Scratch scratch;
  static_cast<void>(posix().open(scratch / "file", Open::create_new));
  ASSERT_EQ(::symlink((scratch / "file").c_str(), (scratch / "link").c_str()), 0);
  ASSERT_EQ(::mkfifo((scratch / "fifo").c_str(), 0600), 0);
  for (const char* name : {"link", "fifo", "absent", "."}) {
    EXPECT_THROW(posix().open(scratch / name, Open::read_only), std::system_error) << name;
  }
  EXPECT_TRUE(posix().exists(scratch / "link"));
  EXPECT_FALSE(posix().exists(scratch / "absent"));
  EXPECT_FALSE(posix().exists(scratch / "file/below"));
}

TEST(PosixFileSystem, ListsRenamesAndRemoves) {
  const test::Scratch scratch;
  for (const char* name : {"b", "a"})
    static_cast<void>(posix().open(scratch / name, Open::create_new));
  EXPECT_EQ(posix().list(scratch.path().string()), (std::vector<std::string>{"a", "b"}));
  posix().rename(scratch / "a", scratch / "c");
  posix().remove(scratch / "b");
  posix().sync_directory(scratch.path().string());
  EXPECT_EQ(posix().list(scratch.path().string()), (std::vector<std::string>{"c"}));
  EXPECT_THROW(posix().remove(scratch / "b"), std::system_error);
  EXPECT_THROW(posix().list(scratch / "b"), std::system_error);
  EXPECT_THROW(posix().sync_directory(scratch / "b"), std::system_error);
}

TEST(PosixFileSystem, ALockIsHeldByOne) {
  const test::Scratch scratch;
  auto lock = posix().lock(scratch / "lock");
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(posix().lock(scratch / "lock"), nullptr);
  lock.reset();
  EXPECT_NE(posix().lock(scratch / "lock"), nullptr);
}

TEST(PosixFileSystem, ALockOutlivesItsFile) {
  const test::Scratch scratch;
  auto lock = posix().lock(scratch / "lock");
  ASSERT_NE(lock, nullptr);
  posix().remove(scratch / "lock");
  EXPECT_EQ(posix().lock(scratch / "lock"), nullptr) << "removed";
  posix().rename(scratch / "lock", scratch / "old");
  EXPECT_EQ(posix().lock(scratch / "lock"), nullptr) << "exchanged";
  lock.reset();
  EXPECT_NE(posix().lock(scratch / "lock"), nullptr);
}

}  // namespace
}  // namespace stele::storage
