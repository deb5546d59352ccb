#include "attest/run_rules.h"

#include "attest/wear.h"

namespace stele::attest {
namespace {

constexpr unsigned kBuriedUnder = 2;

std::string how_many(std::uint64_t n, const char* one, const char* many) {
  return std::to_string(n) + ' ' + (n == 1 ? one : many);
}

}  // namespace

void RunRules::attested(const Run& run, std::uint64_t clock_ms, std::uint64_t firmware, Place at) {
  // Within a run the chain has looked. Across: it falls by one interval of storing it at most. The
  // safe flag does not tell whether it may: a TPM has called a clock safe that had just fallen.
  if (run_ && run != *run_ && clock_ms < clock_ms_ &&
      clock_ms_ - clock_ms > trust_.clock_update_ms) {
    draft_.defect({Fault::clock_went_back, at,
                   "the TPM's clock fell from " + std::to_string(clock_ms_) + " ms to " +
                       std::to_string(clock_ms) + " ms across a reset"});
  }
  if (firmware != trust_.base_firmware && firmware != firmware_) {
    draft_.finding(Finding::firmware_differs, at,
                   "the TPM's firmware is not the one the trust file names");
  }
  run_ = run;
  clock_ms_ = clock_ms;
  firmware_ = firmware;
}

void RunRules::genesis_receipt(const VerifiedReceipt& receipt) {
  firmware_ = trust_.base_firmware;
  statement_run_ = receipt.run();
  attested(receipt.run(), receipt.clock_ms(), receipt.firmware(), Place::anchor(0));
}

void RunRules::resume(const Memory& memory) {
  run_ = memory.clock_run;
  clock_ms_ = memory.clock_ms;
  firmware_ = trust_.base_firmware;
  boot_id_ = memory.bundle.boot_id;
  boot_run_ = memory.bundle.run;
  run_resumed_ = (memory.state & Memory::kResumed) != 0;
  statement_run_ = memory.run;
  life_begun_ = true;
  life_ends_cleanly_ = (memory.state & Memory::kCleanEnd) != 0;
  counter_place_ = whole_place_ = Place::anchor(memory.seq);
  whole_size_ = memory.tree.size;  // below it nothing was cut: this verifier remembers
}

void RunRules::bundle(const AnchorChain::Applied& applied, bool had_open_intent) {
  const VerifiedBundle& bundle = *applied.bundle;
  attested(bundle.run(), bundle.clock_ms(), bundle.firmware(), counter_place_);
  if (applied.new_run) {
    if (life_begun_ && (!life_ends_cleanly_ || had_open_intent)) {
      ++coverage_.unclean_ends;
      // A Resume keeps P; after a Restart whoever knows the log can extend P to the same value.
      const std::string how = applied.resumed
                                  ? "the TPM was resumed, or restarted and P extended again,"
                                  : "the TPM's run ended";
      draft_.finding(Finding::unclean_end, whole_place_,
                     how + " without a final anchor: records from " + std::to_string(whole_size_) +
                         " on, up to the next counter anchor, were exposed");
    }
    const bool reset = boot_id_ && bundle.run().reset != boot_run_.reset;
    if (reset && *boot_id_ == bundle.boot_id()) {
      ++coverage_.unexplained_resets;
      draft_.finding(Finding::unexplained_reset, counter_place_,
                     "the TPM was reset, the machine was not booted");
    }
    run_resumed_ = applied.resumed;
  }
  // A start wrote records (boot, source, events): only the next final anchor is a clean end.
  life_begun_ = true;
  life_ends_cleanly_ = false;
  boot_id_ = bundle.boot_id();
  boot_run_ = bundle.run();
}

// Resets between this run's first statement and the statement before it: one began this run, the
// rest ran without the log.
void RunRules::first_of_run(const Statement& statement) {
  if (!run_resumed_) ++coverage_.boots;
  const std::uint32_t resets = statement.run.reset - statement_run_.reset;
  if (resets > 0) restarts_since_reset(statement);
  if (resets > 1) {
    const std::uint64_t without = resets - 1;
    coverage_.boots_without_log += without;
    coverage_.unexplained_resets += without;
    draft_.finding(Finding::ran_without_log, Place::anchor(statement.seq),
                   how_many(without, "boot", "boots") + " since the anchor before made no anchor");
    draft_.finding(Finding::unexplained_reset, Place::anchor(statement.seq),
                   how_many(without, "TPM reset", "TPM resets") + " since the anchor before");
  }
}

// A Reset zeroes the restart count, and the signed one is off by a constant: what it stands above
// its base is how often the TPM was restarted or resumed before this run.
void RunRules::restarts_since_reset(const Statement& statement) {
  const std::uint32_t restarts = statement.run.restart - restart_base_;
  if (restarts == 0) return;
  if (restarts > UINT32_MAX / 2) {
    // The log was provisioned in a run that had been resumed: only now zero is seen.
    restart_base_ = statement.run.restart;
    return;
  }
  draft_.finding(Finding::ran_without_log, Place::anchor(statement.seq),
                 how_many(restarts, "TPM restart or resume", "TPM restarts or resumes") +
                     " between the TPM's reset and this anchor's run made no anchor");
}

void RunRules::receipt(const Statement& statement, const VerifiedReceipt& receipt) {
  const Place at = Place::anchor(statement.seq);
  attested(receipt.run(), receipt.clock_ms(), receipt.firmware(), at);
  if ((statement.flags & kFirstOfRun) != 0) first_of_run(statement);
  statement_run_ = statement.run;
  life_ends_cleanly_ =
      receipt.kind() == ReceiptKind::full && (statement.flags & kFinalOfShutdown) != 0;
  if (statement.is_quote()) return;
  counter_place_ = at;
  // A bare read-back shows no P: what was cut before it is told by the bundle that ends its
  // statement's run.
  if (receipt.has_quote() || statement.run != boot_run_) {
    whole_place_ = at;
    whole_size_ = statement.tree.size;
  }
  if (receipt.kind() == ReceiptKind::read_back) {
    draft_.finding(Finding::read_back_receipt, at,
                   "a crash interrupted this anchor; its receipt was read back");
  }
  if (trust_.mode == Mode::b) read_back_rule(statement, receipt.kind());
  wear_rule(statement.seq);
}

// By the chip that the trust file names: what the host configures is not the auditor's assumption.
void RunRules::wear_rule(std::uint64_t seq) {
  const Endurance endurance =
      endurance_of(trust_.tpm_kind, trust_.tpm_manufacturer, trust_.tpm_model);
  const unsigned passed = wear_passed(seq, endurance.cycles);
  if (passed == wear_passed(seq - 1, endurance.cycles)) return;
  draft_.finding(Finding::wear_high, Place::anchor(seq),
                 "the counter was incremented " + std::to_string(seq) + " times, " +
                     std::to_string(passed) + " % of the " + std::to_string(endurance.cycles) +
                     " writes that this TPM is assumed to stand");
}

void RunRules::kept(const Statement& statement) {
  statement_run_ = statement.run;
  life_ends_cleanly_ = false;
}

// Root that knows ownerAuth can make a read-back again: tolerated only when two exclusive receipts
// follow before another one.
void RunRules::read_back_rule(const Statement& statement, ReceiptKind kind) {
  if (kind == ReceiptKind::full) {
    if (++exclusive_since_ >= kBuriedUnder) read_back_.reset();
    return;
  }
  if (read_back_) {
    draft_.defect(
        {Fault::read_back_rule, Place::anchor(statement.seq),
         "a second read-back receipt with fewer than two exclusive ones since the one at anchor " +
             std::to_string(*read_back_)});
  }
  read_back_ = statement.seq;
  exclusive_since_ = 0;
}

void RunRules::end() {
  if (!read_back_) return;
  draft_.defect({Fault::read_back_rule, Place::anchor(*read_back_),
                 "a read-back receipt with fewer than two exclusive ones after it"});
}

}  // namespace stele::attest
