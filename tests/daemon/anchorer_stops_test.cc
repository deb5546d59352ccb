// Goal: a data directory or a TPM that was put back, a foreign writer, a missing index: anchoring
// stops, says so in status and once in the journal, repairs nothing. A foreign extend of P alone is
// recorded.
// Method: the attack is made between two runs of the anchorer over a private swtpm.
#include <gtest/gtest.h>
#include <sysexits.h>

#include <cstdlib>
#include <filesystem>

#include "tests/daemon/anchoring_host.h"

namespace stele::test {
namespace {

using attest::RemarkCode;
using daemon::AnchorStatus;
using State = AnchorStatus::State;

// Runs the anchorer until it has anchored `anchors` times more.
void anchor(Host& host, int anchors) {
  Running running(host);
  ASSERT_TRUE(running.wait_for(State::anchoring));
  for (int i = 0; i < anchors; ++i) {
    running.append();
    const daemon::AnchorOutcome outcome = running.anchor();
    ASSERT_TRUE(outcome.done) << outcome.reason;
  }
}

tpm::IndexState indexes(const Host& host) {
  tpm::IndexState state;
  host.with_tpm(
      [&](tpm::Device& device) { state = tpm::read_indexes(device, host.credentials()); });
  return state;
}

// Starts the anchorer twice: both times it must stop for a reason with these words, and touch
// nothing.
void expect_stopped(Host& host, const std::string& words) {
  const tpm::IndexState before = indexes(host);
  for (int start = 0; start < 2; ++start) {
    Running running(host);
    ASSERT_TRUE(running.wait_for(State::stopped));
    EXPECT_NE(running.anchorer().status().reason.find(words), std::string::npos)
        << running.anchorer().status().reason;
    const daemon::AnchorOutcome refused = running.anchor();
    EXPECT_EQ(refused.exit_code, EX_UNAVAILABLE);
    EXPECT_NE(refused.reason.find(words), std::string::npos);
    EXPECT_FALSE(running.answer({}).answer);
    running.append();
    ASSERT_TRUE(running.wait_for([&](const AnchorStatus&) { return running.is_ready(); }));
    running.stop();
  }
  const tpm::IndexState after = indexes(host);
  EXPECT_EQ(after.counter_presence, before.counter_presence);
  EXPECT_EQ(after.counter, before.counter);
  EXPECT_EQ(after.extend, before.extend);
  const JournalView view = read_journal(host);
  std::size_t stopped = 0;
  for (const auto& remark : view.remarks) stopped += remark.code == RemarkCode::stopped ? 1 : 0;
  EXPECT_EQ(stopped, 1u);
}

void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

TEST(AnchorerStops, WhenTheDataDirectoryWasPutBack) {
  Host host;
  anchor(host, 1);
  copy_folder(host.config.data, host.scratch / "copy");
  anchor(host, 2);
  copy_folder(host.scratch / "copy", host.config.data);
  expect_stopped(host, "data directory was put back");
}

TEST(AnchorerStops, WhenTheTpmWasPutBack) {
  Host host;
  anchor(host, 1);
  host.swtpm.stop();
  copy_folder(host.swtpm.state(), host.scratch / "copy");
  host.swtpm.start();
  anchor(host, 2);
  host.swtpm.stop();
  copy_folder(host.scratch / "copy", host.swtpm.state());
  host.swtpm.start();
  expect_stopped(host, "TPM was put back");
}

TEST(AnchorerStops, WhenSomebodyElseIncrementedTheCounter) {
  Host host;
  anchor(host, 1);
  host.with_tpm([&](tpm::Device& device) { tpm::full_anchor(device, host.credentials(), {}); });
  expect_stopped(host, "somebody else anchors");
}

TEST(AnchorerStops, WhenSomebodyElseExtendedTheIndex) {
  Host host;
  anchor(host, 1);
  host.with_tpm([&](tpm::Device& device) { tpm::extend_index(device, host.credentials(), {}); });
  expect_stopped(host, "somebody else writes to it");
}

TEST(AnchorerStops, WhenAnIndexIsGone) {
  Host host;
  anchor(host, 1);
  const std::string undefine =
      "TPM2TOOLS_TCTI=" + host.swtpm.tcti() + " tpm2_nvundefine -C o 0x01805354";
  ASSERT_EQ(std::system(undefine.c_str()), 0) << undefine;
  expect_stopped(host, "counter index is gone");
}

TEST(AnchorerStops, ButAForeignExtendOfThePcrIsRecordedAndAnchored) {
  Host host;
  anchor(host, 1);
  host.with_tpm([&](tpm::Device& device) {
    tpm::extend_pcr(device, host.credentials().identity.pcr,
                    attest::hash(attest::view("a stranger's")));
  });
  anchor(host, 1);
  {
    Running running(host);
    running.append();
    ASSERT_TRUE(running.wait_until_anchored());
  }
  const JournalView view = expect_whole(host);
  EXPECT_TRUE(view.has_remark(RemarkCode::foreign_extend));
  std::size_t flagged = 0;
  for (const auto& statement : view.statements) {
    flagged += (statement.flags & attest::kForeignExtend) != 0 ? 1 : 0;
  }
  EXPECT_EQ(flagged, 1u);
}

}  // namespace
}  // namespace stele::test
