#include "storage/checked_groups.h"

#include <utility>

namespace stele::storage {

namespace {

void check(CheckedGroup& group) {
  group.group.unpack();
  const std::vector<attest::RecordView>& records = group.group.records;
  group.checked.resize(records.size());
  attest::check_records(group.group.header.first_index, records, group.checked);
}

}  // namespace

CheckedGroups::CheckedGroups(FileSystem& files, const std::string& directory, unsigned jobs)
    : reader_(files, directory), jobs_(jobs) {}

CheckedGroups::Batch CheckedGroups::read_batch() {
  Batch batch;
  if (!spare_.empty()) {
    batch = std::move(spare_.back());
    spare_.pop_back();
  }
  batch.used = 0;
  std::size_t bytes = 0;
  std::size_t records = 0;
  while (bytes < kBatchBytes && records < kBatchRecords) {
    GroupReader::Group* const group = reader_.next();
    if (group == nullptr) {
      exhausted_ = true;
      break;
    }
    if (batch.used == batch.groups.size()) batch.groups.emplace_back();
    CheckedGroup& slot = batch.groups[batch.used++];
    std::swap(slot.group, *group);
    slot.opens.reset();
    const SegmentHeader& segment = *reader_.segment();
    if (segment_ != segment.number) {
      segment_ = segment.number;
      slot.opens = segment;
    }
    bytes += slot.group.header.length();  // of a packed one, when opened
    records += slot.group.records.size();
  }
  return batch;
}

bool CheckedGroups::next_batch() {
  if (current_.used != 0) spare_.push_back(std::exchange(current_, Batch{}));
  given_ = 0;
  if (jobs_ <= 1) {
    if (exhausted_) return false;
    current_ = read_batch();
    for (std::size_t i = 0; i < current_.used; ++i) check(current_.groups[i]);
    return true;
  }
  while (!exhausted_ && in_flight_.size() < jobs_) {
    in_flight_.push_back(std::async(std::launch::async, [batch = read_batch()]() mutable {
      for (std::size_t i = 0; i < batch.used; ++i) check(batch.groups[i]);
      return std::move(batch);
    }));
  }
  if (in_flight_.empty()) return false;
  current_ = in_flight_.front().get();
  in_flight_.pop_front();
  return true;
}

const CheckedGroup* CheckedGroups::next() {
  while (given_ == current_.used) {
    if (!next_batch()) return nullptr;
  }
  return &current_.groups[given_++];
}

}  // namespace stele::storage
