#include <algorithm>
#include <limits>

#include "attest/genesis.h"
#include "attest/statement.h"
#include "storage/boot_log_reader.h"
#include "storage/checked_groups.h"
#include "storage/store_reader.h"

namespace stele::storage {

using attest::Appraiser;
using attest::CheckedRecord;
using attest::Defect;
using attest::Fault;
using attest::Place;

namespace {

constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
// How many anchored records may pass between two comparisons with a root that a group states.
constexpr std::uint64_t kRecordsPerRoot = 64;
constexpr std::uint64_t kRecordsPerProgress = 1u << 14;

using Teller = std::function<void(const Progress&)>;

// What the journal's genesis says the segments must say.
struct Expected {
  attest::Hash log_id;
  std::uint32_t era = 0;
};

// The segments' side of a presentation: gives records up to where the journal needs them.
class Records {
 public:
  Records(FileSystem& files, const std::string& directory, Appraiser& appraiser, unsigned jobs,
          const Teller& progress)
      : groups_(files, directory, jobs), appraiser_(appraiser), progress_(progress) {}

  void expect(const Expected& expected) { expected_ = expected; }
  // Gives records until `size` have been taken or no more exist.
  void give(std::uint64_t size);
  void tell();

 private:
  void judge_header(const SegmentHeader& header);
  void begin_group();
  void end_group();
  void end();
  bool is_whole() const;

  CheckedGroups groups_;
  Appraiser& appraiser_;
  const Teller& progress_;
  std::optional<Expected> expected_;
  const CheckedGroup* group_ = nullptr;
  std::size_t given_ = 0;                // of group_
  std::optional<std::uint64_t> judged_;  // number of the newest segment header judged
  std::uint64_t agreed_ = 0;             // records up to which the stated roots were the records'
  bool disagreed_ = false;
  bool in_tail_ = false;  // past every statement: only the groups' own roots vouch
  bool ended_ = false;
  Progress done_;
  std::uint64_t told_ = 0;  // of done_, to progress_
};

void Records::give(std::uint64_t size) {
  in_tail_ = size == kAll;
  while (!ended_ && appraiser_.size() < size) {
    if (group_ == nullptr) {
      group_ = groups_.next();
      if (group_ == nullptr) return end();
      begin_group();
      continue;
    }
    const std::uint64_t wanted = size - appraiser_.size();
    const std::span<const CheckedRecord> rest = std::span(group_->checked).subspan(given_);
    const auto part =
        rest.first(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, rest.size())));
    appraiser_.records(part);
    given_ += part.size();
    if (given_ == group_->checked.size()) end_group();
  }
}

void Records::judge_header(const SegmentHeader& header) {
  judged_ = header.number;
  const Place where = Place::segment(header.number);
  if (expected_ && header.era > expected_->era) {
    appraiser_.damaged(Defect(Fault::era_not_approved, where,
                              "the segment belongs to an era that the journal does not begin"));
  } else if (expected_ && (header.log_id != expected_->log_id || header.era != expected_->era)) {
    appraiser_.damaged(
        Defect(Fault::genesis_mismatch, where, "the segment belongs to another log"));
  }
  if (header.roots != appraiser_.tree().roots()) {
    appraiser_.damaged(Defect(Fault::tree_node_mismatch, where,
                              "the segment's header states other roots than the records have"));
  }
}

void Records::begin_group() {
  given_ = 0;
  if (group_->opens) judge_header(*group_->opens);
  // The very last group may be torn in its middle too: its trailer durable, some of its pages not.
  // Not so where a statement covers it, for that was made after its sync: then each record is
  // judged.
  if (in_tail_ && group_->group.last && !is_whole()) {
    appraiser_.torn_group(group_->group.header.first_index);
    ended_ = true;
  }
}

bool Records::is_whole() const {
  attest::CompactRange tree = appraiser_.tree();
  for (const CheckedRecord& record : group_->checked) {
    if (record.defect && outcome_of(record.defect->fault) == attest::Outcome::fail) return false;
    tree.append(record.leaf_hash);
  }
  return tree.head().root == group_->group.trailer.root;
}

void Records::end_group() {
  const std::uint64_t size = appraiser_.size();
  if (!disagreed_ && (in_tail_ || size - agreed_ >= kRecordsPerRoot)) {
    if (appraiser_.tree().head().root == group_->group.trailer.root) {
      agreed_ = size;
    } else {
      disagreed_ = true;  // and so will every later root: one defect names where it began
      appraiser_.damaged(Defect(Fault::group_damaged, Place::index(agreed_),
                                "among the records [" + std::to_string(agreed_) + ", " +
                                    std::to_string(size) +
                                    ") a leaf is not the one that was stored"));
    }
  }
  done_.bytes += group_->group.file_bytes;
  group_ = nullptr;
  if (size - told_ >= kRecordsPerProgress) tell();
}

void Records::tell() {
  told_ = done_.records = appraiser_.size();
  done_.total_bytes = groups_.reader().total_bytes();
  if (progress_) progress_(done_);
}

void Records::end() {
  ended_ = true;
  const GroupReader& reader = groups_.reader();
  // The newest segment may hold no whole group.
  if (reader.segment() && reader.segment()->number != judged_) judge_header(*reader.segment());
  if (reader.defect()) appraiser_.damaged(*reader.defect());
  if (reader.torn()) appraiser_.torn_group(reader.torn_index());
}

}  // namespace

void present(FileSystem& files, const std::string& directory, Appraiser& appraiser, unsigned jobs,
             const Teller& progress) {
  // The journal's end is fixed before the segments are listed: statements only name durable
  // records.
  EntryReader entries(files, directory);
  BootLogReader boot_logs(files, directory);
  Records records(files, directory, appraiser, jobs, progress);
  while (const auto entry = entries.next()) {
    if (entry->number == 0 ||
        entry->kind == static_cast<std::uint8_t>(attest::EntryKind::genesis)) {
      const attest::Hash log_id = attest::log_id(entry->payload);
      const auto genesis = attest::decode_genesis(entry->payload);
      if (genesis) records.give(genesis->previous_tree.size);
      records.expect({log_id, genesis ? genesis->era : 0});
      if (entries.log_id() != log_id) {
        appraiser.damaged(Defect(Fault::genesis_mismatch, Place::entry(entry->number),
                                 "the journal's header names another log than its genesis"));
      }
    }
    if (entry->kind == static_cast<std::uint8_t>(attest::EntryKind::intent)) {
      const auto statement = attest::decode_statement(entry->payload);
      if (statement) records.give(statement->tree.size);
    }
    const bool is_bundle = entry->kind == static_cast<std::uint8_t>(attest::EntryKind::bundle);
    appraiser.entry(entry->kind, entry->payload,
                    is_bundle ? boot_logs.read(entry->payload) : attest::BootLogs{});
  }
  if (entries.defect()) appraiser.damaged(*entries.defect());
  if (entries.torn()) appraiser.torn_entry(entries.entries());
  records.give(kAll);
  records.tell();
}

}  // namespace stele::storage
