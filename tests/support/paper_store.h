// A store on paper: what the files of a store say, free to be bent and written with every hash
// anew.
//
// files() is what an attacker can do who may write all files but holds no key: lengths, roots and
// checksums are recomputed, so that only what the TPM signed can tell. read() takes a good store.
// Thread safety: a value. Errors: read() and write() throw on a store that is not good, or the OS
// failing.
#pragma once

#include <string>
#include <vector>

#include "attest/record.h"
#include "attest/statement.h"
#include "storage/segment_format.h"
#include "tests/support/memory_files.h"

namespace stele::test {

struct PaperRecord {
  attest::Leaf leaf;
  attest::Hash salt;
  attest::Bytes tlvs;
  attest::Bytes bytes;

  attest::Hash commitment() const { return attest::commit({salt, tlvs, bytes}); }
};

struct PaperGroup {
  std::vector<PaperRecord> records;
  std::size_t records_per_block = 1000;
};

struct PaperEntry {
  std::uint8_t kind = 0;
  attest::Bytes payload;
};

struct PaperStore {
  attest::Hash log_id;
  std::uint32_t era = 0;
  std::vector<std::vector<PaperGroup>> segments;
  std::vector<std::vector<PaperEntry>> journal;

  static PaperStore read(const std::string& directory);
  MemoryFiles files() const;
  void write(
      const std::string& directory) const;  // segments/ and journal/ in a directory that exists

  // All records and entries, in order, wherever they lie.
  std::vector<PaperRecord*> records();
  std::vector<PaperEntry*> entries();
  attest::TreeHead tree() const;
};

// A record whose commitment is right.
PaperRecord paper_record(std::string_view text, attest::Kind kind = attest::Kind::event,
                         std::int64_t time_ns = 0, std::uint64_t source = attest::kNoSource);

// One group's bytes, as it lies in a segment; `tree` grows by its records, `previous` becomes its
// checksum.
attest::Bytes encode_group(const PaperGroup& group, const storage::SegmentHeader& segment,
                           std::uint64_t group_number, attest::CompactRange& tree,
                           attest::Hash& previous);

}  // namespace stele::test
