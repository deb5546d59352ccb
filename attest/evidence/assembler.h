// EvidenceAssembler: puts journal entries, records and subtree roots into an evidence bundle, in the
// order in which they can be judged.
//
// Thread safety: one thread. Errors: what hashes, records and the writer's sink throw goes through.
// Trust: none is placed or needed: whoever receives the bundle judges it.
#pragma once

#include <functional>

#include "attest/evidence/index_ranges.h"
#include "attest/evidence/writer.h"
#include "attest/witness/cosigned_heads.h"

namespace stele::attest {

class EvidenceAssembler {
 public:
  // Gives the records [begin, end) in order, as they are to be shown.
  using Records =
      std::function<void(std::uint64_t begin, std::uint64_t end,
                         const std::function<void(const RecordView&)>& take)>;
  // hashes and writer outlive the assembler. shown: the records to show; the others are elided.
  EvidenceAssembler(EvidenceWriter& writer, const HashReader& hashes, Records records,
                    IndexRanges shown);
  // What witnesses signed, into a writer of version 2: ascending sizes. Records left out are divided
  // at these sizes, so that whoever judges the bundle knows the tree there. Before start().
  void heads(const std::vector<CosignedHead>& cosigned);
  // Begins behind a statement: its log and d, and its tree's size. Before any entry.
  void start(const Hash& log_id, const Hash& digest, std::uint64_t size);
  // A record from before the start, that one shown names as its source. Ascending.
  void earlier(std::uint64_t index);
  // The next entry, behind the records that it covers.
  void entry(std::uint8_t kind, ByteView payload);
  void log(ByteView bytes);
  // The records up to size.
  void up_to(std::uint64_t size);
  void end();

 private:
  void elide(std::uint64_t end);
  void elide_run(std::uint64_t end);
  EvidenceWriter& writer_;
  const HashReader& hashes_;
  Records records_;
  IndexRanges shown_;
  std::vector<std::uint64_t> told_;  // sizes at which the tree is told
  std::uint64_t start_ = 0;
};

// How many records stand before this entry in the log's order: the tree size of an intent's
// statement, or of the era before a genesis. Nothing: for other kinds, and what cannot be decoded.
std::optional<std::uint64_t> records_before(std::uint8_t kind, ByteView payload);

}  // namespace stele::attest
