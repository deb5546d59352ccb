// The reading half: a store's files as evidence, read without locking, changing or believing
// anything.
//
// For the verifier: no SQLite, no recovery, no write. Every structural damage is a Defect, not an
// exception; only the OS failing (EIO, EACCES) throws std::system_error.
// Memory: a reader holds one group (at most kMaxGroupBytes) or entry; present() up to jobs + 2
// groups. A live writer may go on: the journal's end is taken first, so that no statement names
// records that the segments, read after it, do not hold. Thread safety: one thread. Trust: files
// are from the host under judgement; directory entries that are no store files are ignored, links
// are not followed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attest/appraiser.h"
#include "storage/file_system.h"
#include "storage/packed_block.h"
#include "storage/segment_format.h"

namespace stele::storage {

// Is there anything here that looks like a store (a journal or segments directory with files of
// ours)?
bool looks_like_store(FileSystem&, const std::string& directory);

// Entries of the journal as it is when the reader is made, one after another.
class EntryReader {
 public:
  EntryReader(FileSystem&, const std::string& directory);
  // From this file on, whose header is believed: for whoever hands entries on, never for a verdict.
  EntryReader(FileSystem&, const std::string& directory, std::uint64_t first_file);
  ~EntryReader();
  std::uint64_t files() const;  // of the journal
  struct Entry {
    std::uint64_t number = 0;
    std::uint8_t kind = 0;
    attest::Bytes payload;
  };
  std::optional<Entry> next();    // nothing: the end, torn or damaged: see below
  bool torn() const;              // the newest entry was torn
  std::uint64_t entries() const;  // given so far; a torn one would have this number
  const std::optional<attest::Hash>& log_id() const;  // as the newest entry's header states it
  const std::optional<attest::Defect>& defect() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Commit groups, one after another, structurally checked (header, lengths, chain of checksums
// against the root that the trailer states; that the root is the leaves' is the appraiser's to
// find).
class GroupReader {
 public:
  GroupReader(FileSystem&, const std::string& directory);
  ~GroupReader();
  struct Group {
    GroupHeader header;
    GroupTrailer trailer;
    attest::Bytes bytes;                      // the group as it lies in its segment
    std::vector<attest::RecordView> records;  // views into bytes, and into opened blocks
    bool last = false;                        // a segment still written to ends with it
    // Of a packed segment: the blocks with its contents, none opened yet; unpack() opens them and
    // lays the contents over the records. May be called on another thread than the reader's.
    std::vector<std::shared_ptr<const PackedBlock>> packed;
    std::uint32_t first_in_segment = 0;
    std::uint64_t file_bytes = 0;  // that reading it took
    void unpack();
  };
  // The next group, in memory that the next call uses again (swap it out to keep it); null: the
  // end, torn or damaged: see below.
  Group* next();
  const std::optional<SegmentHeader>& segment() const;  // where the newest group lies
  std::uint64_t total_bytes() const;                    // of the segments, when the reader was made
  bool torn() const;                                    // the last group was torn
  std::uint64_t torn_index() const;                     // the first record that it would have held
  const std::optional<attest::Defect>& defect() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// How far a presentation is.
struct Progress {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // of the segments
  std::uint64_t total_bytes = 0;
};

// Gives a whole store to an appraiser: journal and segments merged in order, records checked on
// `jobs` threads. progress (may be empty) is called now and then, and at the end.
void present(FileSystem&, const std::string& directory, attest::Appraiser&, unsigned jobs,
             const std::function<void(const Progress&)>& progress);

}  // namespace stele::storage
