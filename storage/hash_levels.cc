#include "storage/hash_levels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "attest/check.h"
#include "attest/failpoint.h"

namespace stele::storage {
namespace {

constexpr std::uint64_t kHashBytes = 32;
constexpr std::size_t kChunk = 4096;  // hashes

std::optional<std::vector<attest::Hash>> read_hashes_at(const File& file, std::uint64_t index,
                                                        std::size_t count) {
  attest::Bytes bytes(count * kHashBytes);
  if (file.read(index * kHashBytes, bytes) != bytes.size()) return std::nullopt;
  std::vector<attest::Hash> hashes(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(hashes[i].bytes.data(), bytes.data() + i * kHashBytes, kHashBytes);
  }
  return hashes;
}

// One file read in order, compared with what its nodes must be.
class Expected {
 public:
  explicit Expected(const File* file) : file_(file) {}
  bool next_is(const attest::Hash& hash) {
    if (at_ == chunk_.size()) {
      if (file_ == nullptr) return false;
      const std::uint64_t left =
          file_->size() / kHashBytes - std::min(file_->size() / kHashBytes, index_);
      auto chunk = read_hashes_at(*file_, index_,
                                  static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, left)));
      if (!chunk || chunk->empty()) return false;
      chunk_ = *std::move(chunk);
      index_ += chunk_.size();
      at_ = 0;
    }
    return chunk_[at_++] == hash;
  }

 private:
  const File* file_;
  std::uint64_t index_ = 0;
  std::size_t at_ = 0;
  std::vector<attest::Hash> chunk_;
};

}  // namespace

HashLevels::HashLevels(FileSystem& files, std::string directory, Access access)
    : files_(files), directory_(std::move(directory)), access_(access) {}

std::string HashLevels::path(std::uint8_t level) const {
  return directory_ + "/" + static_cast<char>('0' + level / 10) +
         static_cast<char>('0' + level % 10);
}

std::shared_ptr<File> HashLevels::open(std::uint8_t level) {
  const auto how =
      access_ == Access::read_write ? FileSystem::Open::read_write : FileSystem::Open::read_only;
  return files_.exists(path(level)) ? files_.open(path(level), how) : nullptr;
}

bool HashLevels::trust(std::uint64_t size, std::span<const attest::Hash> roots) {
  const std::lock_guard lock(mutex_);
  levels_.clear();
  for (int shift = kLevelStep; shift < 64 && (size >> shift) > 0; shift += kLevelStep) {
    const auto number = static_cast<std::uint8_t>(shift);
    levels_[number].file = open(number);
  }
  const std::uint64_t count = size >> kLevelStep;
  std::map<std::uint8_t, Expected> above;
  bool good = true;
  attest::CompactRange range;  // over the nodes of level 8 as if they were leaves
  if (count > 0) {
    const File* lowest = levels_[kLevelStep].file.get();
    for (std::uint64_t index = 0; good && index < count; index += kChunk) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, count - index));
      const auto chunk = lowest == nullptr ? std::nullopt : read_hashes_at(*lowest, index, wanted);
      good = chunk.has_value();
      for (std::size_t i = 0; good && i < wanted; ++i) {
        range.append((*chunk)[i], [&](attest::NodeId node, const attest::Hash& hash) {
          if (!is_kept_level(node.level)) return;
          const auto number = static_cast<std::uint8_t>(node.level + kLevelStep);
          auto found = above.find(number);
          if (found == above.end())
            found = above.emplace(number, Expected(levels_[number].file.get())).first;
          good = good && found->second.next_is(hash);
        });
      }
    }
  }
  // The range of the whole tree begins with the roots of its subtrees of 2^8 leaves and more.
  good = good && range.roots().size() <= roots.size() &&
         std::equal(range.roots().begin(), range.roots().end(), roots.begin());
  for (auto& [number, believed] : levels_) {
    believed.in_file = good ? size >> number : 0;
    believed.in_memory_first = believed.in_file;
  }
  return good;
}

void HashLevels::add(const UpperNode& node) {
  const std::lock_guard lock(mutex_);
  ENSURE(is_kept_level(node.node.level));
  Level& its_level = levels_[node.node.level];
  if (access_ == Access::read_only && its_level.in_memory.empty())
    its_level.in_memory_first = node.node.index;
  ENSURE(node.node.index == its_level.in_memory_first + its_level.in_memory.size());
  its_level.in_memory.push_back(node.hash);
}

void HashLevels::write(std::uint8_t number, Level& level) {
  if (!level.file) {
    files_.create_directory(directory_);
    std::shared_ptr<File> file = open(number);
    if (!file) file = files_.open(path(number), FileSystem::Open::create_new);
    const std::lock_guard lock(mutex_);
    level.file = std::move(file);
  }
  std::vector<ByteView> parts(level.in_memory.begin(), level.in_memory.end());
  level.file->write(level.in_file * kHashBytes, parts);
  const std::lock_guard lock(mutex_);
  level.in_file += level.in_memory.size();
  level.in_memory_first = level.in_file;
  level.in_memory.clear();
}

void HashLevels::flush() {
  ENSURE(access_ == Access::read_write);
  // Only the thread that calls us changes levels_: it may look without the lock, not change.
  for (auto& [number, level] : levels_) {
    if (level.in_memory.empty()) continue;
    try {
      FAILPOINT("tree.before_write");
      write(number, level);
    } catch (const std::system_error&) {
      // Kept in memory; tried again with the next node.
    }
  }
}

void HashLevels::sync() {
  if (levels_.empty()) return;
  try {
    for (auto& [number, level] : levels_) {
      if (level.file) level.file->sync();
    }
    files_.sync_directory(directory_);
  } catch (const std::system_error&) {
    // What is not durable here is found and made anew by the next recovery.
  }
}

bool HashLevels::read(std::uint8_t number, std::uint64_t index, std::span<attest::Hash> out) const {
  std::shared_ptr<File> file;
  {
    const std::lock_guard lock(mutex_);
    const auto found = levels_.find(number);
    if (found == levels_.end()) return false;
    const Level& level = found->second;
    std::uint64_t at = index;
    const std::uint64_t end = index + out.size();
    if (end > level.in_file) {
      // Part in the file, part in memory, or not here.
      if (end > level.in_memory_first + level.in_memory.size()) return false;
      if (index < level.in_memory_first && level.in_file != level.in_memory_first) return false;
      at = std::max(index, level.in_memory_first);
      std::copy_n(level.in_memory.begin() + static_cast<std::ptrdiff_t>(at - level.in_memory_first),
                  end - at, out.begin() + static_cast<std::ptrdiff_t>(at - index));
      if (at == index) return true;
      out = out.first(static_cast<std::size_t>(at - index));
    }
    file = level.file;
  }
  const auto hashes = read_hashes_at(*file, index, out.size());
  if (!hashes) return false;
  std::copy(hashes->begin(), hashes->end(), out.begin());
  return true;
}

}  // namespace stele::storage
