#include "storage/store.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "attest/check.h"
#include "storage/append_file.h"
#include "storage/hash_levels.h"
#include "storage/numbered_file.h"
#include "storage/recovery.h"
#include "storage/segment_directory.h"

namespace stele::storage {
namespace {

using attest::Fault;
using attest::Hash;
using attest::NodeId;
using attest::Place;

constexpr AppendPoints kStorePoints{"store.append.before_write", "store.append.before_sync",
                                    "store.append.after_sync"};

std::string segments_of(const std::string& directory) {
  return directory + "/segments";
}
std::string tree_of(const std::string& directory) {
  return directory + "/tree";
}

SegmentHeader next_header(const SegmentHeader& before, const Continuation& next) {
  SegmentHeader header;
  header.era = before.era;
  header.log_id = before.log_id;
  header.number = before.number + 1;
  header.first_index = next.tree.size();
  header.marker = random_marker();
  header.previous_checksum = next.previous_checksum;
  header.roots = next.tree.roots();
  return header;
}

// The root of a complete subtree from the nodes or leaves below it, all of one level.
Hash combine(std::vector<Hash> nodes) {
  while (nodes.size() > 1) {
    for (std::size_t i = 0; i < nodes.size() / 2; ++i) {
      nodes[i] = attest::node_hash(nodes[2 * i], nodes[2 * i + 1]);
    }
    nodes.resize(nodes.size() / 2);
  }
  return nodes.front();
}

// What append() works on, and only it.
struct Appending {
  Appending(const StoreOptions& options_, Recovered&& recovered)
      : options(options_),
        encoder(options_.block_bytes),
        segment(recovered.newest),
        next(std::move(recovered.next)),
        file(std::make_unique<AppendFile>(segment->file, recovered.end, kStorePoints)) {}

  StoreOptions options;
  GroupEncoder encoder;
  SegmentDirectory::SegmentPointer segment;
  Continuation next;
  std::unique_ptr<AppendFile> file;
  std::vector<UpperNode> complete;
};

}  // namespace

struct Store::State {
  State(FileSystem& files_, const std::string& directory_, HashLevels::Access access,
        const Recovered& recovered)
      : files(files_),
        directory(directory_),
        log_id(recovered.newest->header.log_id),
        era(recovered.newest->header.era),
        torn_bytes(recovered.torn_bytes),
        levels(files_, tree_of(directory_), access),
        segments(files_, segments_of(directory_), recovered.first_indices, recovered.newest,
                 recovered.groups, recovered.next.tree.head()) {}

  FileSystem& files;
  const std::string directory;
  const Hash log_id;
  const std::uint32_t era;
  const std::uint64_t torn_bytes;
  HashLevels levels;
  SegmentDirectory segments;
  std::atomic<bool> broken{false};
  std::unique_ptr<Appending> appending;  // none: opened for reading

  void begin_segment();
  void append_group(std::span<const NewRecord> records);
  // Calls with each group that holds records of [begin, end), and which of its records these are.
  using GroupVisitor =
      std::function<bool(const SegmentFile&, std::uint64_t offset, const GroupHeader&,
                         std::uint32_t begin, std::uint32_t end)>;
  void visit_groups(std::uint64_t begin, std::uint64_t end, const GroupVisitor& visitor) const;
  attest::Bytes leaves(std::uint64_t begin, std::uint64_t end) const;
  std::vector<Hash> leaf_hashes(std::uint64_t begin, std::uint64_t end) const;
  Hash node(const NodeId& id) const;
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store::~Store() = default;

void Store::create(FileSystem& files, const std::string& directory, const Hash& log_id,
                   std::uint32_t era, const NewRecord& genesis) {
  ENSURE(genesis.kind == attest::Kind::genesis);
  const std::string segments = segments_of(directory);
  files.create_directory(directory);
  files.create_directory(segments);
  files.create_directory(tree_of(directory));
  if (!list_numbers(files, segments).empty()) {
    throw std::system_error(EEXIST, std::generic_category(), segments + " holds a store");
  }
  SegmentHeader header;
  header.era = era;
  header.log_id = log_id;
  header.marker = random_marker();
  attest::Bytes bytes = encode(header);

  GroupEncoder encoder(StoreOptions{}.block_bytes);
  attest::CompactRange tree;
  std::vector<UpperNode> none;
  const auto group =
      encoder.encode({header, header.previous_checksum, 0}, std::span(&genesis, 1), tree, none);
  bytes.insert(bytes.end(), group.bytes.begin(), group.bytes.end());
  // Header and genesis appear together: a store without its genesis never exists.
  publish_file(files, segments, 0, bytes);
  files.sync_directory(directory);
}

Store Store::open(FileSystem& files, const std::string& directory, const StoreOptions& options) {
  const std::string segments = segments_of(directory);
  Recovered recovered =
      examine(files, segments, options.anchored_size, FileSystem::Open::read_write);
  repair(files, directory, segments, recovered);
  auto state = std::make_unique<State>(files, directory, HashLevels::Access::read_write, recovered);
  const SegmentHeader& newest = recovered.newest->header;
  if (!state->levels.trust(newest.first_index, newest.roots)) {
    rebuild(files, segments, recovered, state->levels);
  }
  for (const UpperNode& node : recovered.complete) state->levels.add(node);
  state->levels.flush();
  state->appending = std::make_unique<Appending>(options, std::move(recovered));
  return Store(std::move(state));
}

Store Store::open_for_reading(FileSystem& files, const std::string& directory) {
  // A writer that cuts a group off for want of space and writes another in its place can be seen
  // half-way; damage is believed when it is still there at the third look.
  for (int attempt = 1;; ++attempt) {
    try {
      const Recovered recovered =
          examine(files, segments_of(directory), 0, FileSystem::Open::read_only);
      auto state =
          std::make_unique<State>(files, directory, HashLevels::Access::read_only, recovered);
      const SegmentHeader& newest = recovered.newest->header;
      // False: slower, all the same; the nodes are then made from the leaves.
      static_cast<void>(state->levels.trust(newest.first_index, newest.roots));
      for (const UpperNode& node : recovered.complete) state->levels.add(node);
      return Store(std::move(state));
    } catch (const Damage&) {
      if (attempt == 3) throw;
    }
  }
}

void Store::begin_era(FileSystem& files, const std::string& directory, const StoreOptions& options,
                      const Hash& log_id, std::uint32_t era, const NewRecord& genesis) {
  ENSURE(genesis.kind == attest::Kind::era);
  const Store store = open(files, directory, options);
  State& state = *store.state_;
  Appending& a = *state.appending;
  ENSURE(era > state.era && a.next.tree.size() > a.segment->header.first_index);
  state.levels.sync();
  SegmentHeader header = next_header(a.segment->header, a.next);
  header.era = era;
  header.log_id = log_id;
  attest::Bytes bytes = encode(header);
  attest::CompactRange tree = a.next.tree;
  std::vector<UpperNode> complete;
  const auto group = a.encoder.encode({header, header.previous_checksum, 0}, std::span(&genesis, 1),
                                      tree, complete);
  bytes.insert(bytes.end(), group.bytes.begin(), group.bytes.end());
  publish_file(files, segments_of(directory), header.number, bytes);
}

void Store::close_segment(const NewRecord& record) {
  ENSURE(state_->appending != nullptr);
  if (state_->appending->segment->header.first_index == head().size) append(std::span(&record, 1));
}

void Store::State::begin_segment() {
  levels.sync();
  auto segment = std::make_shared<SegmentFile>();
  segment->header = next_header(appending->segment->header, appending->next);
  const attest::Bytes bytes = encode(segment->header);
  segment->path = numbered_path(segments_of(directory), segment->header.number);
  segment->begin = bytes.size();
  segment->file = publish_file(files, segments_of(directory), segment->header.number, bytes);
  appending->file = std::make_unique<AppendFile>(segment->file, segment->begin, kStorePoints);
  appending->segment = segment;
  appending->next.group_number = 0;
  segments.publish_segment(std::move(segment));
}

void Store::State::append_group(std::span<const NewRecord> records) {
  Appending& a = *appending;
  const std::uint64_t in_segment = a.next.tree.size() - a.segment->header.first_index;
  if (a.file->end() >= a.options.segment_bytes || in_segment >= a.options.segment_records)
    begin_segment();

  attest::CompactRange tree = a.next.tree;
  a.complete.clear();
  const auto group =
      a.encoder.encode({a.segment->header, a.next.previous_checksum, a.next.group_number}, records,
                       tree, a.complete);
  const GroupPlace place{a.file->end(), a.next.tree.size()};
  a.file->append(group.bytes);
  // Durable. What follows only tells readers, in memory and in derived files.
  a.next = {a.next.group_number + 1, group.checksum, std::move(tree)};
  for (const UpperNode& node : a.complete) levels.add(node);
  levels.flush();
  segments.publish_group(place, a.next.tree.head());
}

attest::TreeHead Store::append(std::span<const NewRecord> records) {
  ENSURE(state_->appending != nullptr);
  if (records.empty()) return head();
  if (state_->broken.exchange(true)) {
    throw std::system_error(EIO, std::generic_category(),
                            "the store is broken by an earlier failed write or sync; open it anew");
  }
  try {
    state_->append_group(records);
  } catch (const std::system_error& error) {
    // A full disk leaves the store as it was: a new segment that is not there yet, or a group cut
    // off again. Only a failed sync may not be taken for that.
    if (is_full(error) && !state_->appending->file->broken()) state_->broken = false;
    throw;
  }
  state_->broken = false;
  return head();
}

bool Store::broken() const {
  return state_->broken;
}
attest::TreeHead Store::head() const {
  return state_->segments.head();
}
const Hash& Store::log_id() const {
  return state_->log_id;
}
std::uint32_t Store::era() const {
  return state_->era;
}
std::uint64_t Store::recovered_torn_bytes() const {
  return state_->torn_bytes;
}

void Store::State::visit_groups(std::uint64_t begin, std::uint64_t end,
                                const GroupVisitor& visitor) const {
  while (begin < end) {
    const SegmentDirectory::Found found = segments.find(begin);
    const SegmentFile& segment = *found.segment;
    const auto header = read_group_header(segment, found.place.offset, segment.file->size());
    if (!header || header->first_index != found.place.first_index) {
      throw Damage(
          Fault::group_damaged, Place::index(begin),
          segment.path + ", byte " + std::to_string(found.place.offset) + ": the group is gone");
    }
    const std::uint64_t until = std::min<std::uint64_t>(end, header->first_index + header->count);
    if (!visitor(segment, found.place.offset, *header,
                 static_cast<std::uint32_t>(begin - header->first_index),
                 static_cast<std::uint32_t>(until - header->first_index))) {
      return;
    }
    begin = until;
  }
}

void Store::visit(std::uint64_t begin, std::uint64_t end,
                  const std::function<bool(const StoredRecord&)>& visitor) const {
  state_->visit_groups(begin, std::min(end, head().size),
                       [&](const SegmentFile& segment, std::uint64_t offset,
                           const GroupHeader& header, std::uint32_t first, std::uint32_t last) {
                         return visit_group(segment, offset, header, first, last, visitor);
                       });
}

StoredRecord Store::read(std::uint64_t index) const {
  if (index >= head().size)
    throw std::out_of_range("record " + std::to_string(index) + " is not in the log");
  StoredRecord found;
  visit(index, index + 1, [&](const StoredRecord& record) {
    found = record;
    return true;
  });
  if (!found.erased &&
      attest::commit({found.salt, found.tlvs, found.bytes}) != found.leaf.commitment) {
    throw Damage(Fault::commitment_mismatch, Place::index(index),
                 state_->directory + ": the content is not what its leaf commits to");
  }
  return found;
}

attest::Bytes Store::State::leaves(std::uint64_t begin, std::uint64_t end) const {
  attest::Bytes leaves;
  visit_groups(begin, end,
               [&](const SegmentFile& segment, std::uint64_t offset, const GroupHeader&,
                   std::uint32_t first, std::uint32_t last) {
                 storage::read_leaves(segment, offset, first, last, leaves);
                 return true;
               });
  return leaves;
}

std::vector<Hash> Store::State::leaf_hashes(std::uint64_t begin, std::uint64_t end) const {
  std::vector<Hash> hashes(static_cast<std::size_t>(end - begin));
  attest::leaf_hash_many(leaves(begin, end), hashes);
  return hashes;
}

attest::Bytes Store::read_leaves(std::uint64_t begin, std::uint64_t end) const {
  if (begin > end || end > head().size) {
    throw std::out_of_range("leaves up to " + std::to_string(end) + " are not in the log");
  }
  return state_->leaves(begin, end);
}

Hash Store::State::node(const NodeId& id) const {
  const std::uint8_t above = id.level % kLevelStep;
  const auto base = static_cast<std::uint8_t>(id.level - above);
  if (base == 0) return combine(leaf_hashes(id.index << above, (id.index + 1) << above));
  std::vector<Hash> nodes(std::size_t{1} << above);
  if (levels.read(base, id.index << above, nodes)) return combine(std::move(nodes));
  // Not kept (a store opened for reading whose tree files lag or are gone): from the nodes below.
  const auto below = static_cast<std::uint8_t>(id.level - 1);
  return attest::node_hash(node({below, id.index * 2}), node({below, id.index * 2 + 1}));
}

std::vector<Hash> Store::read_hashes(std::span<const NodeId> nodes) const {
  const std::uint64_t size = head().size;
  std::vector<Hash> hashes;
  hashes.reserve(nodes.size());
  for (const NodeId& id : nodes) {
    if (id.level >= 64 || id.index >= size >> id.level) {
      throw std::out_of_range("node " + std::to_string(id.index) + " of level " +
                              std::to_string(id.level) + " is not complete");
    }
    hashes.push_back(state_->node(id));
  }
  return hashes;
}

std::uint64_t Store::sealed_segments() const {
  return state_->segments.sealed();
}

std::optional<PackedSize> Store::pack(std::uint64_t number, const StillWanted& still_wanted) const {
  ENSURE(number < sealed_segments());
  const auto size =
      pack_segment(state_->files, segments_of(state_->directory), number, still_wanted);
  state_->segments.forget(number);
  return size;
}

}  // namespace stele::storage
