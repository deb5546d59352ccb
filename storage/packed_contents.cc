#include "storage/packed_contents.h"

#include <algorithm>

namespace stele::storage {

using attest::Defect;
using attest::Fault;

attest::Result<void> PackedContents::list_blocks() const {
  places_.clear();
  PackedBlocks blocks(*file_, begin_);
  while (!blocks.done()) {
    places_.push_back({blocks.covered(), blocks.at()});
    const auto header = blocks.skip();
    if (!header) return header.error();
  }
  records_ = blocks.covered();
  return attest::ok();
}

attest::Result<std::shared_ptr<const PackedBlock>> PackedContents::block_of(
    std::uint32_t record) const {
  const std::lock_guard lock(mutex_);
  if (newest_ && newest_->first() <= record && record < newest_->end()) return newest_;
  if (records_ == 0) {
    const auto listed = list_blocks();
    if (!listed) return listed.error();
  }
  if (record >= records_) return Defect(Fault::truncated, {}, "no block holds the record");
  const auto after = std::upper_bound(
      places_.begin(), places_.end(), record,
      [](std::uint32_t wanted, const Place& place) { return wanted < place.first; });
  const Place& place = *std::prev(after);
  auto block = PackedBlocks(*file_, place.at, place.first).next();
  if (block) newest_ = *block;
  return block;
}

}  // namespace stele::storage
