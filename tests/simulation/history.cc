#include "tests/simulation/history.h"

#include <algorithm>
#include <utility>

#include "attest/codec.h"
#include "attest/gap.h"

namespace stele::test {

using attest::Hash;
using Boot = Machine::Boot;
using What = Trouble::What;
using Where = Trouble::Where;

namespace {

constexpr int kSteps = 30;

attest::Mode mode_of(std::uint64_t seed) {
  return seed % 2 == 0 ? attest::Mode::a : attest::Mode::b;
}

// Each waiting operation kept, dropped, or torn at random sectors.
std::vector<Survival> any_survivals(const MemoryFileSystem& files, VirtualHost& host) {
  std::vector<Survival> survivals;
  for (std::size_t i = files.waiting().size(); i > 0; --i) {
    const std::uint64_t fate = host.random() % 4;
    if (fate == 0) survivals.push_back({true, ~std::uint64_t{0}});
    if (fate == 1) survivals.push_back({false, 0});
    if (fate >= 2) survivals.push_back({host.random() % 4 != 0, host.random()});
  }
  return survivals;
}

}  // namespace

History::History(std::uint64_t seed, Counts& counts)
    : seed_(seed), counts_(counts), machine_(seed, mode_of(seed)) {
  truth_.mode = mode_of(seed);
  truth_.records.add(std::string(machine_.genesis.begin(), machine_.genesis.end()),
                     attest::Kind::genesis);
}

std::string History::story() const {
  std::string text =
      "seed " + std::to_string(seed_) + ", mode " + static_cast<char>(truth_.mode) + ":\n";
  for (const std::string& step : steps_) text += "  " + step + "\n";
  return text;
}

Hash History::random_hash() {
  attest::Bytes bytes;
  attest::Writer(bytes).u64(machine_.host.random());
  return attest::hash(bytes);
}

void History::run() {
  ++counts_.histories;
  start();
  if (random(4) != 0) counter();
  check();
  // Half of all histories are honest to the end.
  const int attack_from = random(2) == 0 ? kSteps : 5 + static_cast<int>(random(kSteps - 5));
  for (int i = 0; i < kSteps && !violation_; ++i) {
    ++counts_.steps;
    troubled_ = false;
    machine_.pass(random(20) == 0 ? random(3'600'000 * 3) : 50 + random(2000));
    if (i >= attack_from && random(3) == 0) {
      attack();
    } else {
      step();
    }
    if (!violation_) check();
  }
}

void History::step() {
  const std::uint64_t choice = random(100);
  if (choice < 22) return append();
  if (choice < 32) return counter();
  if (choice < 46) return quote();
  if (choice < 54) return answer();
  if (choice < 64) return crash(false);
  if (choice < 74) return crash(true);
  if (choice < 82) return failing_device();
  if (choice < 87) return reboot();
  if (choice < 91) return sleep();
  if (choice < 92) return stranger_extends();
  if (choice < 95) {
    const auto by = static_cast<std::int64_t>(random(7'200'000)) - 3'600'000;
    say("clock step by " + std::to_string(by) + " ms");
    return machine_.host.step_clock(by);
  }
  take_snapshot();
}

// What the daemon does in a life of its own.

bool History::ready() {
  if (!machine_.running()) start();
  if (machine_.running() && !machine_.anchoring() && !machine_.stopped()) {
    const Ended ended = machine_.reopen();
    learn();
    expect_done(ended, "reopen");
  }
  return machine_.anchoring();
}

void History::start() {
  const auto chain = truth_.attacked ? presented_chain() : std::nullopt;
  const bool unfit = chain && !fits(*chain);
  disk_failed_ = false;
  const Ended ended = machine_.start();
  settle_start(ended);
  // Never goes on over a TPM that the journal does not lead to.
  if (unfit && machine_.anchoring())
    violate(Wrong::missed, "the daemon anchors on although C or E is not what its journal says");
  if (ended == Ended::stopped) ++counts_.stops;
}

void History::settle_start(Ended ended) {
  say(std::string("start: ") + name(ended) + (ended == Ended::done ? "" : ": " + machine_.why()));
  if (machine_.running()) {
    const attest::TreeHead head = machine_.store().head();
    if (!truth_.attacked && head.size != truth_.acknowledged &&
        head.size != truth_.records.size()) {
      violate(Wrong::lost, "recovered " + std::to_string(head.size) + " records, acknowledged " +
                               std::to_string(truth_.acknowledged) + ", given " +
                               std::to_string(truth_.records.size()));
      return;
    }
    if (head.size < truth_.records.size()) truth_.records.cut(head.size);
    truth_.acknowledged = head.size;
    truth_.heads[head.size].insert(head.root);
  }
  learn();
  expect_done(ended, "start");
}

// Without a trouble of ours whatever an honest daemon does succeeds.
void History::expect_done(Ended ended, const char* what) {
  if (ended == Ended::done || troubled_ || truth_.attacked) return;
  // A disk that was full when the journal was synced broke it; the next write shows that.
  if (ended == Ended::fatal && std::exchange(disk_failed_, false)) return;
  violate(Wrong::false_alarm,
          std::string(what) + " ended as " + name(ended) + ": " + machine_.why());
}

// Counter anchors whose receipt is durable.
void History::learn() {
  // Of a P that was cleared or taken over only later anchors count.
  if (machine_.p_changes() != p_changes_seen_) truth_.quoted = 0;
  p_changes_seen_ = machine_.p_changes();
  truth_.foreign |= machine_.p_taken_over() > 0;
  if (!machine_.running()) return;
  const auto& newest = machine_.journal().newest_counter_anchor();
  if (!newest) return;
  const attest::Statement& statement = newest->statement;
  const Truth::Sealed* known = truth_.newest_sealed();
  if (known != nullptr && known->seq >= statement.seq) return;
  truth_.sealed.push_back({statement.seq, statement.tree.size, statement.tree.root});
}

// What P holds it holds, also of records that an attacker has cut off since.
void History::learn_quote() {
  const std::uint64_t size = machine_.journal().chain().tree_size();
  truth_.quoted = truth_.attacked ? std::max(truth_.quoted, size) : size;
}

void History::append() {
  if (!machine_.running()) start();
  if (!machine_.running()) return;
  const std::uint64_t before = truth_.records.size(), events = 1 + random(5);
  if (truth_.refused > 0) {
    truth_.records.add(attest::encode(attest::Gap{truth_.refused, "disk_full"}), attest::Kind::gap);
  }
  for (std::uint64_t i = 0; i < events; ++i) {
    truth_.records.add("event " + std::to_string(machine_.host.random()) +
                       std::string(random(5) == 0 ? random(700) : random(60), 'x'));
  }
  std::vector<storage::NewRecord> batch = truth_.records.batch(before, truth_.records.size());
  for (storage::NewRecord& record : batch) {
    record.time_ns = machine_.host.now_ns();
    record.salt = random_hash();
  }
  const Ended ended = machine_.append(batch);
  say("append " + std::to_string(batch.size()) + ": " + name(ended));
  if (ended == Ended::done) {
    const attest::TreeHead head = machine_.store().head();
    truth_.acknowledged = head.size;
    truth_.heads[head.size].insert(head.root);
    truth_.refused = 0;
  } else if (ended == Ended::disk_full) {
    truth_.records.cut(before);
    truth_.refused += events;
    counts_.refused += events;
  } else {
    truth_.refused = 0;  // whoever was not acknowledged knows it
  }
  expect_done(ended, "append");
}

void History::counter(std::uint16_t flags) {
  if (!ready()) return;
  const Ended ended = machine_.attempt(
      [&] { machine_.rounds().counter([&] { return machine_.store().head(); }, flags); });
  say(std::string("counter anchor: ") + name(ended));
  if (ended == Ended::done) disk_failed_ = false;
  learn();
  expect_done(ended, "a counter anchor");
  const Truth::Sealed* newest = truth_.newest_sealed();
  const bool covers = newest != nullptr && newest->size == truth_.acknowledged;
  if (ended == Ended::done && !covers && !truth_.attacked)
    violate(Wrong::lost, "a counter anchor was made, but does not cover the durable log");
}

void History::quote() {
  if (!ready()) return;
  if (machine_.journal().chain().needs_counter_anchor()) counter();
  if (!machine_.anchoring() || machine_.journal().chain().needs_counter_anchor()) return;
  bool quoted = false;
  const std::uint64_t before = machine_.p_changes();
  const Ended ended = machine_.attempt(
      [&] { quoted = machine_.rounds().quote([&] { return machine_.store().head(); }); });
  say(std::string("quote anchor: ") + name(ended) + (quoted ? "" : ", not made"));
  learn();
  expect_done(ended, "a quote anchor");
  if (ended == Ended::done && quoted && machine_.p_changes() == before) learn_quote();
}

void History::answer() {
  if (!ready()) return;
  if (machine_.journal().chain().needs_counter_anchor()) counter();
  if (!machine_.anchoring() || machine_.journal().chain().needs_counter_anchor()) return;
  const Hash nonce = random_hash();
  attest::Bytes made;
  const std::uint64_t before = machine_.p_changes();
  const Ended ended = machine_.attempt([&] {
    made = encode(machine_.rounds().answer(nonce, [&] { return machine_.store().head(); }));
  });
  say(std::string("live answer: ") + name(ended));
  learn();
  // The run changed unseen: a counter anchor must come first, and the auditor asks again.
  const bool ask_again =
      ended == Ended::unavailable && ready() && machine_.journal().chain().needs_counter_anchor();
  if (!ask_again) expect_done(ended, "a live answer");
  if (ended != Ended::done) return;
  ++counts_.answers;
  if (machine_.p_changes() == before) learn_quote();
  answers_.push_back(made);
  appraise(nonce, made, true, true);
}

void History::some_work() {
  switch (random(5)) {
    case 0:
      return append();
    case 1:
      return counter();
    case 2:
      return quote();
    case 3:
      return answer();
    default:
      machine_.drop();
      return start();
  }
}

Trouble History::any_trouble() {
  Trouble trouble;
  trouble.where = random(2) == 0 ? Where::disk : Where::tpm;
  trouble.at = random(trouble.where == Where::disk ? 25 : 40);
  trouble.failure = static_cast<Failure>(random(trouble.where == Where::disk ? 3 : 2));
  return trouble;
}

// Killed at any operation, or with the power; what is left is judged before anybody repairs it.
void History::crash(bool power) {
  troubled_ = true;
  machine_.arm(any_trouble());
  some_work();
  if (random(3) == 0) some_work();
  const bool struck = machine_.disarm();
  say(std::string(power ? "power cut" : "killed") + (struck ? " in it" : ""));
  ++(power ? counts_.power_cuts : counts_.crashes);
  if (power) {
    machine_.lose_power(any_survivals(*machine_.files, machine_.host));
    power_event(Boot::unclean);
  } else {
    machine_.drop();
    if (machine_.files->dead()) machine_.files->revive();
  }
  if (violation_) return;
  appraise({}, {}, false, false);
  if (violation_) return;
  // Recovery may be interrupted too.
  if (random(3) == 0) {
    machine_.arm(any_trouble());
    start();
    machine_.disarm();
    if (machine_.running() || violation_) return;
  }
  troubled_ = false;
  start();
}

// A device that fails, is full, hangs, is reset or used by others in the middle of some work.
void History::failing_device() {
  troubled_ = true;
  ++counts_.failures;
  constexpr std::array kOfTpm = {What::io_error, What::full,   What::stranger,
                                 What::reset,    What::resume, What::extend};
  Trouble trouble = any_trouble();
  trouble.what = trouble.where == Where::disk ? (random(2) == 0 ? What::io_error : What::full)
                                              : kOfTpm[random(kOfTpm.size())];
  if (trouble.what == What::extend && random(4) != 0) trouble.what = What::stranger;
  if (trouble.where == Where::tpm && trouble.what <= What::stranger)
    trouble.times = random(3) == 0 ? 1000 : 1;
  const bool for_append = trouble.where == Where::disk && random(2) == 0;
  if (for_append && machine_.running()) trouble.at = random(6);
  machine_.arm(trouble);
  for_append ? append() : some_work();
  some_work();
  const bool struck = machine_.disarm();
  say("trouble " + std::to_string(static_cast<int>(trouble.what)) + " of " +
      (trouble.where == Where::disk ? "disk" : "TPM") + (struck ? "" : " (in nothing)"));
  disk_failed_ |= struck && trouble.where == Where::disk && machine_.running();
  learn();
}

void History::power_event(Boot how) {
  ++counts_.power_changes;
  machine_.boot(how);
  learn();
}

void History::reboot() {
  say("clean reboot");
  if (random(4) != 0) counter(attest::kFinalOfShutdown);
  machine_.drop();
  power_event(Boot::clean);
  machine_.pass(random(100'000));
  if (!violation_) appraise({}, {}, false, false);
  if (!violation_) start();
}

void History::sleep() {
  const bool cleared = random(3) == 0;
  say(cleared ? "TPM restart" : "suspend and resume");
  power_event(cleared ? Boot::restart : Boot::resume);
  machine_.pass(random(1'000'000));
}

void History::stranger_extends() {
  say("somebody extends P");
  machine_.extend_p(random_hash());
  learn();
}

void History::take_snapshot() {
  if (snapshots_.size() >= 4) snapshots_.erase(snapshots_.begin());
  say("the attacker takes a copy");
  snapshots_.push_back({machine_.copy_of_disk(), machine_.tpm, truth_});
}

}  // namespace stele::test
