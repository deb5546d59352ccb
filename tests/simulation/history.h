// One simulated history: about thirty steps of a log's life and an attacker's work, from one seed.
//
// After each step the bytes are checked against the model, the log is appraised as a stranger
// would, and every live answer is challenged. Ends at the first violation; its seed and steps say
// how to see it again.
// Thread safety: one thread, one History at a time.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/machine.h"
#include "tests/simulation/truth.h"

namespace stele::test {

// What was done, counted over all histories: for the families' lines.
struct Counts {
  std::uint64_t histories = 0, steps = 0, verdicts = 0, answers = 0;
  std::uint64_t crashes = 0, power_cuts = 0, failures = 0, power_changes = 0, attacks = 0;
  std::uint64_t old_data = 0, stale_answers = 0, redefined = 0, cleared = 0, ahead = 0;
  std::uint64_t verified = 0, tampered = 0, stops = 0;
  std::uint64_t refused = 0;  // events that a full disk refused
  std::uint64_t forgeries = 0, believed = 0,
                remembered = 0;  // anchors made over another past; by the chain
  std::uint64_t lost = 0, false_alarms = 0, missed = 0;
  std::string first;  // violation: seed, what, steps
};

class History {
 public:
  History(std::uint64_t seed, Counts& counts);
  void run();
  const Judgement& violation() const { return violation_; }
  std::string story() const;  // seed and steps
  // Everything that the history left: the same seed makes the same.
  attest::Hash fingerprint();

 private:
  struct Snapshot {
    std::unique_ptr<MemoryFileSystem> disk;
    VirtualTpm tpm;
    Truth truth;
  };

  // Steps of an honest life.
  void step();
  void append();
  void counter(std::uint16_t flags = 0);
  void quote();
  void answer();
  void some_work();
  void crash(bool power);
  void failing_device();
  void reboot();
  void sleep();
  void stranger_extends();
  void take_snapshot();

  // The attacker's (history_attacks.cc).
  void attack();
  void old_data(bool tpm_too, bool data_too, bool keep_newer_files);
  void cut_entries();
  void cut_records();
  void flip_bit();
  void foreign_write();
  void redefine();
  void forge();
  bool forge_anchor(bool replay_extend);
  void clear_tpm();
  void stale_answer();
  void challenge_by_attacker();

  // The daemon, and what the model learns of it.
  bool ready();  // running and anchoring; false: it cannot be (said why)
  void start();
  void settle_start(Ended ended);
  void learn();
  void learn_quote();
  void expect_done(Ended ended, const char* what);
  void power_event(Machine::Boot how);

  // Judging.
  void check();
  attest::Report appraise(const std::optional<attest::Hash>& nonce, const attest::Bytes& answer,
                          bool with_memory, bool live);
  void judge(const Judgement& judgement);
  void violate(Wrong wrong, const std::string& what) { judge(Violation{wrong, what}); }
  std::vector<attest::Hash> presented_leaves();
  std::optional<attest::AnchorChain> presented_chain();
  bool presents(const attest::Hash& digest);  // as an intent in the journal
  bool fits(const attest::AnchorChain& chain) const;

  std::uint64_t random(std::uint64_t below) { return machine_.host.random() % below; }
  attest::Hash random_hash();
  Trouble any_trouble();
  void say(const std::string& step) { steps_.push_back(step); }

  std::uint64_t seed_;
  Counts& counts_;
  Machine machine_;
  Truth truth_;
  bool troubled_ = false;     // a trouble struck in this step
  bool disk_failed_ = false;  // under a daemon that still runs
  std::uint64_t p_changes_seen_ = 0;
  std::vector<Snapshot> snapshots_;
  std::vector<attest::Bytes> answers_;  // given so far
  std::vector<std::string> steps_;
  Judgement violation_;
};

}  // namespace stele::test
