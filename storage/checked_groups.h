// A store's commit groups in order, every record already checked, on as many threads as asked for.
//
//   read groups (this thread) -> batches -> unpack, check_records (jobs threads) -> in order, to the caller
//
// With one job no thread is started. Thread safety: one thread calls. Memory: the batches in flight,
// jobs + 1 of kBatchBytes or one larger group each; used again, so no allocation per record.
// Errors: the OS failing throws std::system_error, after the threads in flight have ended.
#pragma once

#include <deque>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "attest/appraiser.h"
#include "storage/store_reader.h"

namespace stele::storage {

struct CheckedGroup {
  GroupReader::Group group;
  std::vector<attest::CheckedRecord> checked;
  std::optional<SegmentHeader> opens;  // the header of the segment that begins with this group
};

class CheckedGroups {
 public:
  static constexpr std::size_t kBatchBytes = 1u << 20;
  static constexpr std::size_t kBatchRecords = 1u << 13;

  CheckedGroups(FileSystem&, const std::string& directory, unsigned jobs);
  // The next group; valid until the next call. Null: the reader has ended, see there why.
  const CheckedGroup* next();
  const GroupReader& reader() const { return reader_; }

 private:
  struct Batch {
    std::vector<CheckedGroup> groups;
    std::size_t used = 0;  // of groups; the rest is memory to use again
  };
  Batch read_batch();
  bool next_batch();

  GroupReader reader_;
  unsigned jobs_;
  bool exhausted_ = false;
  std::optional<std::uint64_t> segment_;  // that the newest group read lies in
  std::deque<std::future<Batch>> in_flight_;
  std::vector<Batch> spare_;
  Batch current_;
  std::size_t given_ = 0;  // of current_
};

}  // namespace stele::storage
