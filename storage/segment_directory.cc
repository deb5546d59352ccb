#include "storage/segment_directory.h"

#include <algorithm>
#include <utility>

#include "attest/check.h"
#include "storage/numbered_file.h"

namespace stele::storage {
namespace {

GroupPlace group_of(const SegmentDirectory::Groups& groups, std::uint64_t index) {
  const auto after = std::upper_bound(
      groups.begin(), groups.end(), index,
      [](std::uint64_t wanted, const GroupPlace& group) { return wanted < group.first_index; });
  ENSURE(after != groups.begin());
  return *std::prev(after);
}

}  // namespace

SegmentDirectory::SegmentDirectory(FileSystem& files, std::string directory,
                                   std::vector<std::uint64_t> first_indices, SegmentPointer newest,
                                   Groups groups, const attest::TreeHead& head)
    : files_(files),
      directory_(std::move(directory)),
      first_indices_(std::move(first_indices)),
      newest_(std::move(newest)),
      newest_groups_(std::move(groups)),
      head_(head) {}

SegmentDirectory::Found SegmentDirectory::find(std::uint64_t index) const {
  std::uint64_t number = 0;
  std::uint64_t next_first_index = 0;
  std::uint64_t forgotten = 0;
  Known known;
  LoadedPointer loaded;
  {
    const std::lock_guard lock(mutex_);
    ENSURE(index < head_.size);
    if (index >= newest_->header.first_index) return {newest_, group_of(newest_groups_, index)};
    const auto after = std::upper_bound(first_indices_.begin(), first_indices_.end(), index);
    number = static_cast<std::uint64_t>(after - first_indices_.begin()) - 1;
    next_first_index = *after;
    const auto found =
        std::find_if(loaded_.begin(), loaded_.end(), [&](const LoadedPointer& candidate) {
          return candidate->segment->header.number == number;
        });
    if (found != loaded_.end()) {
      std::rotate(loaded_.begin(), found, found + 1);
      loaded = loaded_.front();
    } else if (const auto before = known_.find(number); before != known_.end()) {
      known = before->second;
    }
    forgotten = forgotten_;
  }
  if (!loaded) {
    loaded = load(number, next_first_index, known);
    keep(loaded, forgotten);
  }
  return {loaded->segment, group_of(*loaded->groups, index)};
}

SegmentDirectory::LoadedPointer SegmentDirectory::load(std::uint64_t number,
                                                       std::uint64_t next_first_index,
                                                       const Known& known) const {
  auto loaded = std::make_shared<Loaded>();
  loaded->segment = open_segment(files_, directory_, number, FileSystem::Open::read_only);
  const bool still_so = known.groups && known.packed == loaded->segment->header.is_packed();
  loaded->groups = still_so ? known.groups : read_groups(*loaded->segment, next_first_index);
  return loaded;
}

SegmentDirectory::GroupsPointer SegmentDirectory::read_groups(
    const SegmentFile& segment, std::uint64_t next_first_index) const {
  auto groups = std::make_shared<Groups>();
  const std::uint64_t size = segment.groups_end();
  std::uint64_t index = segment.header.first_index;
  for (std::uint64_t at = segment.begin; index < next_first_index;) {
    const auto header = read_group_header(segment, at, size);
    if (!header || header->first_index != index) {
      throw Damage(attest::Fault::group_damaged, attest::Place::index(index),
                   segment.path + ", byte " + std::to_string(at) +
                       ": no group that continues the one before");
    }
    groups->push_back({at, index});
    at += header->length_in(segment.header);
    index += header->count;
  }
  return groups;
}

// Not what may have been replaced since: its descriptor would hold the old file's room on the disk.
void SegmentDirectory::keep(const LoadedPointer& loaded, std::uint64_t forgotten_before) const {
  const std::lock_guard lock(mutex_);
  if (forgotten_ != forgotten_before) return;
  loaded_.insert(loaded_.begin(), loaded);
  if (loaded_.size() > kLoaded) loaded_.pop_back();
  const SegmentHeader& header = loaded->segment->header;
  if (known_groups_ + loaded->groups->size() > kKnownGroups) {
    known_.clear();
    known_groups_ = 0;
  }
  Known& known = known_[header.number];
  known_groups_ += loaded->groups->size() - (known.groups ? known.groups->size() : 0);
  known = {header.is_packed(), loaded->groups};
}

attest::TreeHead SegmentDirectory::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

void SegmentDirectory::forget(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  ++forgotten_;
  if (const auto known = known_.find(number); known != known_.end()) {
    known_groups_ -= known->second.groups->size();
    known_.erase(known);
  }
  std::erase_if(loaded_, [&](const LoadedPointer& loaded) {
    return loaded->segment->header.number == number;
  });
}

std::uint64_t SegmentDirectory::sealed() const {
  const std::lock_guard lock(mutex_);
  return newest_->header.number;
}

void SegmentDirectory::publish_segment(SegmentPointer segment) {
  const std::lock_guard lock(mutex_);
  ENSURE(segment->header.number == first_indices_.size() &&
         segment->header.first_index == head_.size);
  first_indices_.push_back(segment->header.first_index);
  newest_ = std::move(segment);
  newest_groups_.clear();
}

void SegmentDirectory::publish_group(const GroupPlace& place, const attest::TreeHead& head) {
  const std::lock_guard lock(mutex_);
  ENSURE(place.first_index == head_.size && head.size > head_.size);
  newest_groups_.push_back(place);
  head_ = head;
}

}  // namespace stele::storage
