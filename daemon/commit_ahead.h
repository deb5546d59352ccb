// Commitments ahead: while one group is written and synced, a second thread makes the salts and
// commitments of events that wait for the next.
//
// They do not depend on an event's place, so nothing that the group before may still meet (a full
// disk above all, with its note) makes them wrong. Only the sequencer gives places, writes and
// tells; what was not made ahead it makes itself, so a quiet log has no second thread on the way of
// an event, and where this one fails it ends and only time is lost.
// Thread safety: one thread of its own. Errors: none leaves it.
#pragma once

#include <thread>

#include "daemon/batch_queue.h"
#include "daemon/record_salts.h"

namespace stele::daemon {

class CommitAhead {
 public:
  explicit CommitAhead(BatchQueue& queue);  // which outlives it
  ~CommitAhead();                           // waits: the queue is closed before

 private:
  void run();
  void commit(const std::vector<Batch*>& batches);

  BatchQueue& queue_;
  RecordSalts salts_;
  std::vector<attest::Hash> made_salts_;
  std::vector<attest::Hash> commitments_;
  std::vector<attest::Content> contents_;
  std::thread thread_;
};

}  // namespace stele::daemon
