// A host of the test's own: a private swtpm, a data directory provisioned on it, a log that only
// grows, and the anchorer at work over them.
//
// Thread safety: a Host belongs to the test's main thread; its GrowingLog to any.
// Errors: those of Swtpm and of tpm/provision.h; EXPECT failures.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "attest/anchor_chain.h"
#include "daemon/anchorer.h"
#include "tests/support/scratch.h"
#include "tests/support/swtpm.h"
#include "tpm/anchor.h"

namespace stele::test {

// Heads of a log whose leaf i follows from i: two processes that grow it alike see the same heads.
class GrowingLog {
 public:
  void grow(std::uint64_t records);
  attest::TreeHead head() const;

 private:
  mutable std::mutex mutex_;
  attest::CompactRange tree_;
};

class Host {
 public:
  explicit Host(attest::Mode mode = attest::Mode::b);
  // Opens the TPM for a moment. The anchorer must not be running: swtpm serves one client at a
  // time.
  void with_tpm(const std::function<void(tpm::Device&)>& work) const;

  Scratch scratch;
  Swtpm swtpm;
  daemon::Config config;  // short intervals, a deep token bucket
  GrowingLog log;
  const tpm::Credentials& credentials() const { return *made_; }

 private:
  std::optional<tpm::Credentials> made_;
};

// For the names of tests that are made for each way to lose power.
std::string power_name(const testing::TestParamInfo<Swtpm::Power>& power);

// What a stranger reads in a journal, replayed from its first entry.
struct JournalView {
  attest::AnchorChain chain;
  std::vector<attest::Statement> statements;  // with a receipt, in order
  std::vector<attest::ReceiptKind> kinds;     // of their receipts
  std::vector<attest::Remark> remarks;
  std::size_t bundles = 0;
  std::size_t voids = 0;

  std::size_t count(attest::ReceiptKind kind) const;
  bool has_remark(attest::RemarkCode code) const;
  // Remarks, but for those of receipts that came late: any machine may stand still for seconds.
  std::vector<attest::Remark> troubles() const;
};
JournalView read_journal(const Host& host);
// As read_journal, and the TPM's C and E are what the journal leads to.
JournalView expect_whole(const Host& host);

// The anchorer at work, with a thread for its callbacks; ends without a final anchor.
class Running {
 public:
  explicit Running(Host& host);
  ~Running();

  void append(std::uint64_t records = 1);
  // Generous: false after a minute.
  bool wait_for(const std::function<bool(const daemon::AnchorStatus&)>& condition) const;
  bool wait_for(daemon::AnchorStatus::State state) const;
  bool wait_until_anchored() const;  // every record of the log, by an anchor of either kind
  daemon::AnchorOutcome anchor();
  daemon::AnswerOutcome answer(const attest::Hash& nonce);
  void stop();  // with a final anchor

  daemon::Anchorer& anchorer() { return *anchorer_; }
  bool is_ready() const { return ready_; }
  int fatal_exit_code() const { return fatal_; }  // 0: none
  std::uint64_t sealed() const { return sealed_; }

 private:
  Host& host_;
  std::atomic<bool> ready_{false};
  std::atomic<int> fatal_{0};
  std::atomic<std::uint64_t> sealed_{0};
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_;
  std::optional<daemon::Anchorer> anchorer_;
};

}  // namespace stele::test
