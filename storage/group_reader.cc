#include <algorithm>

#include "storage/block_content.h"
#include "storage/file_window.h"
#include "storage/numbered_file.h"
#include "storage/store_reader.h"

namespace stele::storage {

using attest::Bytes;
using attest::ByteView;
using attest::Defect;
using attest::Fault;
using attest::Hash;
using attest::Place;
using attest::Reader;
using attest::RecordView;
using attest::Result;

namespace {

constexpr std::size_t kMaxSegmentHeaderBytes = 137 + 64 * sizeof(Hash::bytes);

void lay_leaves(const GroupHeader& header, ByteView group, std::vector<RecordView>& records) {
  records.assign(header.count, RecordView{});
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].leaf = group.subspan(kGroupHeaderBytes + i * attest::kLeafBytes, attest::kLeafBytes);
  }
}

// Lays the views of a group's records over its blocks.
Result<void> lay_contents(const GroupHeader& header, ByteView group,
                          std::vector<RecordView>& records) {
  Reader content(group.subspan(kGroupHeaderBytes + header.leaf_bytes,
                               static_cast<std::size_t>(header.content_bytes)));
  std::size_t covered = 0;
  for (std::uint32_t block = 0; block < header.blocks; ++block) {
    const auto decoded = decode_block_header(content.bytes(kBlockHeaderBytes));
    if (!decoded) return Defect(decoded.error().fault, {}, "a block header cannot be read");
    if (decoded->first != covered || decoded->count == 0 ||
        decoded->count > records.size() - covered) {
      return Defect(Fault::value_out_of_range, {}, "a block holds other records than it must");
    }
    const ByteView stored = content.bytes(decoded->stored);
    if (content.failed()) return Defect(Fault::truncated, {}, "a block reaches past its group");
    const auto its_records = std::span(records).subspan(covered, decoded->count);
    covered += decoded->count;
    if (decoded->codec != 0 || decoded->cipher != 0) {
      for (RecordView& record : its_records) record.state = RecordView::State::codec_unknown;
      continue;
    }
    if (decoded->plain != decoded->stored) {
      return Defect(Fault::value_out_of_range, {}, "a plain block states two lengths");
    }
    const auto laid = read_plain_block(stored, its_records);
    if (!laid) return laid;
  }
  if (covered != records.size() || !content.done()) {
    return Defect(Fault::value_out_of_range, {}, "the blocks do not cover the group's records");
  }
  return attest::ok();
}

}  // namespace

void GroupReader::Group::unpack() {
  const std::uint32_t end = first_in_segment + header.count;
  for (const auto& block : packed) {
    const std::span<const RecordView> contents = block->contents();
    const std::uint32_t from = std::max(first_in_segment, block->first());
    for (std::uint32_t i = from; i < std::min(end, block->end()); ++i) {
      RecordView& record = records[i - first_in_segment];
      record.state = contents[i - block->first()].state;
      record.content = contents[i - block->first()].content;
    }
  }
}

struct GroupReader::State {
  State(FileSystem& files_, const std::string& directory_)
      : files(files_),
        directory(directory_ + "/segments"),
        numbers(list_numbers(files, directory)) {
    for (const std::uint64_t number : numbers) {
      const auto segment_file = open_evidence(files, numbered_path(directory, number));
      if (segment_file) total_bytes += segment_file->size();
    }
  }

  FileSystem& files;
  std::string directory;
  std::vector<std::uint64_t> numbers;
  std::uint64_t total_bytes = 0;
  std::size_t next_file = 0;
  std::unique_ptr<File> file;
  std::optional<FileWindow> window;          // over the open segment's groups
  std::optional<PackedBlocks> blocks;        // of a packed one
  std::shared_ptr<const PackedBlock> block;  // the newest of them
  std::uint64_t offset = 0;
  std::optional<SegmentHeader> segment;
  Hash previous_checksum;
  std::uint64_t next_index = 0;
  std::uint64_t group_number = 0;
  Group group;
  bool ended = false;
  bool torn = false;
  std::optional<Defect> defect;

  bool in_last_segment() const { return next_file == numbers.size(); }
  void stop(Defect why) {
    defect = std::move(why);
    ended = true;
  }
  void stop_torn() { torn = ended = true; }

  void open_next_segment();
  Result<void> accept(const SegmentHeader& header) const;
  Result<void> read_group();
  Result<void> find_blocks();
  Result<void> end_packed() const;
  void end_segments();
  void judge(const Defect& broken);
};

// A segment is packed after the next one has its name: a packed one is never the newest.
void GroupReader::State::end_segments() {
  ended = true;
  if (segment && segment->is_packed()) {
    stop(Defect(Fault::segment_missing, Place::segment(next_file),
                "segment " + file_name(segment->number) +
                    " is packed, which is done when another one follows: it is not there"));
  }
}

void GroupReader::State::open_next_segment() {
  if (blocks) {
    const Result<void> whole = end_packed();
    if (!whole) return judge(whole.error());
  }
  if (in_last_segment() && !numbers.empty()) return end_segments();
  const std::uint64_t wanted = next_file;
  if (numbers.empty() || numbers[next_file] != wanted) {
    return stop(Defect(Fault::segment_missing, Place::segment(wanted),
                       "there is no " + numbered_path(directory, wanted)));
  }
  const std::string path = numbered_path(directory, wanted);
  file = open_evidence(files, path);
  ++next_file;
  if (!file) {
    return stop(
        Defect(Fault::segment_damaged, Place::segment(wanted), path + " is no regular file"));
  }
  window.emplace(*file, file->size());
  std::size_t used = 0;
  const auto header = decode_segment_header(window->peek(0, kMaxSegmentHeaderBytes), used);
  const Result<void> accepted = header ? accept(*header) : Result<void>(header.error());
  if (!accepted) {
    // Never torn: a segment gets its name when its header is durable.
    const Fault fault = accepted.error().fault;
    const bool unknown = outcome_of(fault) == attest::Outcome::unknown;
    return stop(Defect(unknown ? fault : Fault::segment_damaged, Place::segment(wanted),
                       path + ": header: " + accepted.error().detail));
  }
  segment = *header;
  offset = used;
  group_number = 0;
  blocks.reset();
  block.reset();
  if (!header->is_packed()) return;
  if (*header->groups_bytes > file->size() - used) {
    return stop(Defect(Fault::segment_damaged, Place::segment(wanted),
                       path + ": the packed groups reach past the end of the file"));
  }
  window.emplace(*file, used + *header->groups_bytes);
  blocks.emplace(*file, used + *header->groups_bytes);
}

// The blocks that hold the records of the group just read; one may hold those of several groups.
Result<void> GroupReader::State::find_blocks() {
  group.packed.clear();
  group.first_in_segment =
      static_cast<std::uint32_t>(group.header.first_index - segment->first_index);
  const std::uint32_t end = group.first_in_segment + group.header.count;
  if (block && block->end() > group.first_in_segment) group.packed.push_back(block);
  while (blocks->covered() < end) {
    auto next = blocks->next();
    if (!next) return next.error();
    block = *std::move(next);
    group.file_bytes += block->stored_bytes();
    group.packed.push_back(block);
  }
  return attest::ok();
}

Result<void> GroupReader::State::end_packed() const {
  const bool whole = blocks->done() && blocks->covered() == next_index - segment->first_index;
  if (whole) return attest::ok();
  return Defect(Fault::group_damaged, {}, "its blocks do not hold the contents of its groups");
}

Result<void> GroupReader::State::accept(const SegmentHeader& header) const {
  const Fault fault = Fault::segment_damaged;
  if (header.number != next_file - 1)
    return Defect(fault, {}, "it has another number than its file");
  if (header.first_index != next_index) return Defect(fault, {}, "it begins at another record");
  if (header.previous_checksum != previous_checksum) {
    return Defect(fault, {}, "it does not follow the segment before it");
  }
  if (!segment) return attest::ok();
  // Of a row of empty segments only the last header is compared with the records: so they must
  // agree.
  if (header.first_index == segment->first_index && header.roots != segment->roots) {
    return Defect(fault, {}, "it states other roots than the segment before it, which is empty");
  }
  // A later era has a log_id of its own: whether it may follow is for present() to judge.
  if (header.era < segment->era) return Defect(fault, {}, "it belongs to an earlier era");
  if (header.era == segment->era && header.log_id != segment->log_id) {
    return Defect(fault, {}, "it belongs to another log");
  }
  return attest::ok();
}

Result<void> GroupReader::State::read_group() {
  const ByteView front = window->peek(offset, kGroupHeaderBytes);
  const auto header = decode_group_header(front);
  if (!header) return header.error();
  const Fault fault = Fault::group_damaged;
  if (header->marker != segment->marker)
    return Defect(fault, {}, "it does not begin with the marker");
  if (header->first_index != next_index || header->group_number != group_number) {
    return Defect(fault, {}, "it is not the next group");
  }
  // Bounded before anything is allocated: by the format and by what the file holds.
  if (header->count == 0 || header->count > kMaxGroupRecords ||
      header->leaf_bytes != header->count * attest::kLeafBytes ||
      header->content_bytes > kMaxGroupBytes || header->length() > kMaxGroupBytes ||
      header->length_in(*segment) > window->limit() - offset) {
    return Defect(fault, {}, "its length cannot be");
  }
  group.header = *header;
  group.bytes.resize(static_cast<std::size_t>(header->length_in(*segment)));
  group.file_bytes = group.bytes.size();
  if (!window->read(offset, group.bytes)) return Defect(fault, {}, "it ends too early");
  const ByteView bytes = group.bytes;
  const auto trailer = decode_group_trailer(bytes.last(kGroupTrailerBytes));
  if (!trailer) return trailer.error();
  if (trailer->length != header->length_in(*segment))
    return Defect(fault, {}, "its trailer states another length");
  if (trailer->checksum !=
      group_checksum(*segment, previous_checksum, bytes.first(kGroupHeaderBytes), trailer->root)) {
    return Defect(fault, {}, "its checksum does not match");
  }
  group.trailer = *trailer;
  lay_leaves(group.header, bytes, group.records);
  if (blocks) return find_blocks();
  group.packed.clear();
  return lay_contents(group.header, bytes, group.records);
}

void GroupReader::State::judge(const Defect& broken) {
  // Nothing of group N+1 is written before N's sync returned: only the very last may be torn.
  // A packed segment gets its name when all of it is durable.
  const bool may_be_torn = in_last_segment() && !segment->is_packed();
  if (may_be_torn && window->may_be_torn(segment->marker, offset, kMaxGroupBytes)) {
    return stop_torn();
  }
  stop(Defect(Fault::group_damaged, Place::index(next_index),
              "segment " + file_name(segment->number) + ", group " + std::to_string(group_number) +
                  " at byte " + std::to_string(offset) + ": " + broken.detail));
}

GroupReader::GroupReader(FileSystem& files, const std::string& directory)
    : state_(std::make_unique<State>(files, directory)) {}
GroupReader::~GroupReader() = default;

GroupReader::Group* GroupReader::next() {
  State& state = *state_;
  while (!state.ended) {
    if (!state.window || state.offset == state.window->limit()) {
      state.open_next_segment();
      continue;
    }
    const auto read = state.read_group();
    if (!read) {
      state.judge(read.error());
      continue;
    }
    const GroupHeader& header = state.group.header;
    state.offset += header.length_in(*state.segment);
    state.next_index += header.count;
    state.previous_checksum = state.group.trailer.checksum;
    ++state.group_number;
    state.group.last = state.in_last_segment() && !state.segment->is_packed() &&
                       state.offset == state.window->limit();
    return &state.group;
  }
  return nullptr;
}

const std::optional<SegmentHeader>& GroupReader::segment() const {
  return state_->segment;
}
std::uint64_t GroupReader::total_bytes() const {
  return state_->total_bytes;
}
bool GroupReader::torn() const {
  return state_->torn;
}
std::uint64_t GroupReader::torn_index() const {
  return state_->next_index;
}
const std::optional<Defect>& GroupReader::defect() const {
  return state_->defect;
}

}  // namespace stele::storage
