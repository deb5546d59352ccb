// Goal: the verifier gets a boot's logs as they lie there, whatever lies there, and never more than
// it may read. Method: a bundle on paper, and under the names that it gives files of every kind.
#include "storage/boot_log_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/paper_tpm.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

attest::Bytes bundle(const std::string& event_log, std::uint64_t stated) {
  attest::Bundle out = test::PaperTpm().bundle({1});
  out.event_log_bytes = stated;
  out.event_log_hash = attest::hash(attest::view(event_log));
  return encode(out);
}

class BootLogs : public testing::Test {
 protected:
  BootLogs() { std::filesystem::create_directory(scratch_.path() / "boot"); }
  std::string path() const {
    return scratch_ / ("boot/" + to_hex(attest::hash(attest::view(log_))));
  }
  std::optional<std::string> read(std::uint64_t stated = 8) {
    BootLogReader reader(posix(), scratch_.path().string());
    const auto logs = reader.read(bundle(log_, stated));
    EXPECT_FALSE(logs.measurements);
    if (!logs.event_log) return std::nullopt;
    return std::string(logs.event_log->begin(), logs.event_log->end());
  }

  test::Scratch scratch_;
  const std::string log_ = "measured";
};

TEST_F(BootLogs, AreReadUnderTheNameThatTheBundleGives) {
  std::ofstream(path()) << log_;
  EXPECT_EQ(read(), log_);
  EXPECT_EQ(read(0), std::nullopt);  // the bundle says that there was none
}

TEST_F(BootLogs, OfALongerFileOneByteMoreThanStatedIsGivenAndOfAShorterOneAll) {
  std::ofstream(path()) << log_ << "and more";
  EXPECT_EQ(read(), "measureda");
  std::ofstream(path()) << "mea";
  EXPECT_EQ(read(), "mea");
}

TEST_F(BootLogs, WhatIsNoRegularFileIsNotThere) {
  EXPECT_EQ(read(), std::nullopt);
  std::ofstream(scratch_ / "elsewhere") << log_;
  std::filesystem::create_symlink(scratch_ / "elsewhere", path());
  EXPECT_EQ(read(), std::nullopt);
  std::filesystem::remove(path());
  std::filesystem::create_directory(path());
  EXPECT_EQ(read(), std::nullopt);
  std::filesystem::remove(path());
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(read(), std::nullopt);
}

TEST_F(BootLogs, NoMoreIsReadThanALogMayHave) {
  std::ofstream(path()) << log_;
  EXPECT_EQ(read(kMaxBootLogBytes), log_);
  EXPECT_EQ(read(kMaxBootLogBytes + 1), std::nullopt);
  EXPECT_EQ(read(~std::uint64_t{0}), std::nullopt);
}

TEST_F(BootLogs, WhatIsNoBundleNamesNone) {
  BootLogReader reader(posix(), scratch_.path().string());
  EXPECT_FALSE(reader.read(attest::view("STELEBDL")).event_log);
}

}  // namespace
}  // namespace stele::storage
