// Admission: what becomes of a sender's batch when room runs out, as [on] says.
//
// Only senders' batches are judged: what the daemon itself has to say is let in wherever it fits.
// Thread safety: all members from any thread. See: README.md, "When room runs out".
#pragma once

#include <atomic>
#include <string_view>

#include "daemon/config.h"
#include "daemon/drop_ledger.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

class Admission {
 public:
  explicit Admission(const Config& config)
      : on_low_(config.on_disk_low),
        on_full_(config.on_disk_full),
        on_overflow_(config.on_queue_overflow) {}

  void set_disk_low(bool low) { disk_low_ = low; }
  void set_disk_full(bool full) { disk_full_ = full; }
  bool disk_low() const { return disk_low_; }
  bool disk_full() const { return disk_full_; }
  void stop_dropping() { may_drop_ = false; }  // the daemon ends: from now on senders wait
  bool may_drop() const { return may_drop_; }

  // Whether senders wait because the disk is low.
  bool suspends() const { return disk_low_ && on_low_ == OnTrouble::suspend; }
  // Why this batch is to be dropped without asking the queue; empty: it is not.
  std::string_view dropped_because(const Batch& batch) const;
  // Why any sender's batch is, unless it waits; empty: none is.
  std::string_view drops_because() const;
  bool drops_overflow(const Batch& batch) const {
    return is_droppable(batch) && on_overflow_ == OnTrouble::drop_with_record;
  }
  bool halts_on_overflow() const { return on_overflow_ == OnTrouble::halt; }
  bool halts_on_full_disk() const { return on_full_ == OnTrouble::halt; }
  bool drops_on_full_disk() const { return on_full_ == OnTrouble::drop_with_record; }

  // Enters the batch into the ledger: its events, and the gaps that it would have recorded.
  void drop(const Batch& batch, std::string_view reason);
  DropLedger& ledger() { return ledger_; }
  const DropLedger& ledger() const { return ledger_; }

 private:
  bool is_droppable(const Batch& batch) const {
    return may_drop_ && batch.source && !batch.waits && !batch.items.empty();
  }

  const OnTrouble on_low_;
  const OnTrouble on_full_;
  const OnTrouble on_overflow_;
  std::atomic<bool> disk_low_{false};
  std::atomic<bool> disk_full_{false};
  std::atomic<bool> may_drop_{true};
  DropLedger ledger_;
};

}  // namespace stele::daemon
