// Goal: a TPM that stays busy is asked again with ever longer pauses, never in a busy loop; status
// says why nothing is anchored, and anchoring goes on when it can.
// Method: commands are counted, not time: a pause can only last longer than it should, so there is
// a greatest number of commands for each try, and a least time for so many tries.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "daemon/anchor_loop.h"
#include "tests/daemon/anchoring_host.h"
#include "tests/support/meddling_tcti.h"
#include "tests/support/tally.h"
#include "tests/support/wire_faults.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;
using daemon::AnchorLoop;
using daemon::AnchorStatus;
using State = AnchorStatus::State;

constexpr int kSubmissions = 6;  // ESYS sends a command once and five times more

// Pauses of 10 ms, doubled up to 1 s, until `busy` is over: so many calls at most.
int most_calls(std::chrono::milliseconds busy) {
  int calls = 1;
  std::chrono::milliseconds wait{10}, waited{0};
  while (waited < busy) {
    waited += wait;
    wait = std::min(wait * 2, std::chrono::milliseconds(1000));
    ++calls;
  }
  return calls;
}

TEST(WirePatience, ABusyTpmIsAskedAgainAFewTimesOnly) {
  Tally tally;
  Swtpm swtpm;
  std::vector<std::chrono::milliseconds> times = {0ms, 50ms, 1000ms};
  if (is_long_run()) times.push_back(10'000ms);
  for (const std::uint32_t code : {0x922u, 0x920u}) {
    for (const auto busy : times) {
      MeddlingTcti tcti(swtpm);
      tpm::Device device(tcti.get(), {.busy = busy});
      tcti.meddle({.code = kReadClock, .times = Rule::kForEver}, {Fault::What::answer, code, {}});
      EXPECT_THROW((void)tpm::read_clock(device), tpm::TpmError);
      tally.injected += static_cast<std::uint64_t>(tcti.meddled);
      const int most = most_calls(busy) * (code == 0x922 ? kSubmissions : 1);
      if (tcti.meddled > most) ++tally.missed;
      EXPECT_LE(tcti.meddled, most) << busy.count() << " ms";
      tcti.leave_alone();
      EXPECT_NO_THROW((void)tpm::read_clock(device));
    }
  }
  // What the limits come to: the daemon waits 10 s for a command, then up to 10 s for the next try.
  EXPECT_LE(most_calls(10s), 17);
  tally.report(46, "RETRY and NV_RATE for as long as we wait");
}

// The loop at work on a thread of its own, over a TPM that answers with a code if it is told to.
class Loop {
 public:
  explicit Loop(Host& host) : host_(host) {
    AnchorLoop::Outside outside;
    outside.connect = [this] {
      ++connections;
      return tpm::Device(tcti_.get(), {.busy = 50ms});
    };
    outside.durable_head = [this] { return host_.log.head(); };
    outside.publish = [this](const AnchorStatus& now, const auto&) {
      const std::lock_guard lock(mutex_);
      status_ = now;
    };
    outside.sealed = [](std::uint64_t) {};
    outside.ready = [] {};
    outside.fatal = [](int, const std::string& reason) { ADD_FAILURE() << reason; };
    outside.final_wanted = [] { return false; };
    thread_ = std::thread([this, outside] { AnchorLoop(host_.config, requests_, outside).run(); });
  }
  ~Loop() {
    requests_.close();
    thread_.join();
  }
  void append() {
    host_.log.grow(1);
    requests_.new_records();
  }
  AnchorStatus status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  bool wait_for(const std::function<bool()>& condition) const {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  std::atomic<std::uint32_t> code{0};  // in the TPM's place
  std::atomic<int> commands{0}, connections{0};

 private:
  Host& host_;
  MeddlingTcti tcti_{[this](const MeddlingTcti::Bytes& command) {
    ++commands;
    return code != 0 ? only_code(code) : host_.swtpm.transmit(command);
  }};
  daemon::AnchorRequests requests_;
  mutable std::mutex mutex_;
  AnchorStatus status_;
  std::thread thread_;
};

TEST(WirePatience, ATpmThatStaysBusyIsLeftInPeaceLongerAndLonger) {
  Tally tally;
  for (const std::uint32_t code : {0x922u, 0x920u}) {
    SCOPED_TRACE(code);
    Host host;
    {
      Loop loop(host);
      ASSERT_TRUE(loop.wait_for([&] { return loop.status().anchored >= host.log.head().size; }));
      loop.code = code;
      loop.commands = 0;
      const int before = loop.connections;
      loop.append();
      ASSERT_TRUE(loop.wait_for([&] { return loop.status().state == State::unavailable; }));
      const auto from = std::chrono::steady_clock::now();
      const int first = loop.connections;
      ASSERT_TRUE(loop.wait_for([&] {
        loop.append();  // ingest goes on, and wakes nobody
        return loop.connections >= first + 3;
      }));
      const auto took = std::chrono::steady_clock::now() - from;
      const int commands = loop.commands;
      const int tries = loop.connections - before + 1;  // since commands are counted
      tally.injected += static_cast<std::uint64_t>(commands);
      // 0.2 s before the first of the three, 0.4 s before the second, 0.8 s before the third; the
      // first may have begun before we looked.
      const bool patient =
          took >= 1200ms && commands <= (tries + 1) * most_calls(50ms) * kSubmissions;
      if (!patient) ++tally.missed;
      EXPECT_TRUE(patient) << commands << " commands in " << tries << " tries";
      const AnchorStatus status = loop.status();
      const bool shown = status.anchored < host.log.head().size &&
                         status.reason.find(code == 0x922 ? "0x922" : "0x920") != std::string::npos;
      if (!shown) ++tally.missed;
      EXPECT_TRUE(shown) << status.reason;
      loop.code = 0;
      const bool anchored =
          loop.wait_for([&] { return loop.status().anchored >= host.log.head().size; });
      if (!anchored) ++tally.lost;
      EXPECT_TRUE(anchored) << loop.status().reason;
    }
    const JournalView view = expect_whole(host);
    if (!view.has_remark(attest::RemarkCode::pause)) ++tally.missed;
    if (view.has_remark(attest::RemarkCode::stopped)) ++tally.false_alarms;
  }
  tally.report(46, "RETRY and NV_RATE until the third reconnection, the daemon's loop");
}

}  // namespace
}  // namespace stele::test
