// The store: the append-only log on disk, opened by recovery, written by one process.
//
//   DIR/lock              held while a writer lives
//   DIR/segments/N…       leaves and content (segment_format.h)
//   DIR/journal/N…        statements, receipts, bundles (journal.h)
//   DIR/tree/08 16 24 …   roots of complete subtrees of 2^8, 2^16, … leaves, 32 bytes each; derived
//   DIR/boot/HASH         firmware event logs and IMA lists that bundles name
//   DIR/look-up.sqlite    look-up; derived
//   DIR/secrets DIR/trust the TPM authValues (0600), the trust file
//
// Thread safety: append() from one thread; everything const from any: what is durable is published
// after each group under one lock, held for a look at a table in memory, never for I/O.
// Blocks: append() returns when the group is durable. Errors: accidents throw std::system_error. A
// full disk (ENOSPC, EDQUOT on a write) is survived: the group is cut off again, append() may be
// tried again. After any other failed write, and after a failed sync, the store is broken and every
// append throws. Damage found while opening or reading throws Damage. Durability: acknowledged
// means fdatasync returned.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "attest/merkle.h"
#include "attest/record.h"
#include "storage/damage.h"
#include "storage/file_system.h"
#include "storage/pack.h"

namespace stele::storage {

struct StoreOptions {
  std::uint64_t segment_bytes = 64u << 20;   // a segment is sealed when it has grown past this
  std::uint64_t segment_records = 1u << 20;  // or holds this many records
  std::uint32_t block_bytes = 128u << 10;    // plain content per block (one record may exceed it)
  std::uint64_t anchored_size = 0;  // records the journal says were anchored: fewer is Damage
};

// A record to append; the store gives it its index.
struct NewRecord {
  attest::Kind kind = attest::Kind::event;
  std::int64_t time_ns = 0;
  std::uint64_t source = attest::kNoSource;
  attest::Hash salt;      // random, from the caller
  attest::ByteView tlvs;  // canonical
  attest::ByteView bytes;
  // To salt, tlvs and bytes, where the caller has made it already; believed.
  const attest::Hash* commitment = nullptr;
};

// A record as read back; owns its bytes.
struct StoredRecord {
  std::uint64_t index = 0;
  std::array<std::uint8_t, attest::kLeafBytes> encoded_leaf{};
  attest::Leaf leaf;
  bool erased = false;
  attest::Hash salt;
  attest::Bytes tlvs;
  attest::Bytes bytes;
};

class Store : public attest::HashReader {
 public:
  // Makes DIR/segments with the first segment; record 0 is the genesis. Fails if one exists.
  static void create(FileSystem&, const std::string& directory, const attest::Hash& log_id,
                     std::uint32_t era, const NewRecord& genesis);
  // Begins a later era in a store that goes on: a new segment with its log_id, whose first record
  // is `genesis` (kind era); whole or not there. Recovers first, as open() does. The newest segment
  // must hold a record: see close_segment().
  static void begin_era(FileSystem&, const std::string& directory, const StoreOptions&,
                        const attest::Hash& log_id, std::uint32_t era, const NewRecord& genesis);
  // Recovers (truncates a torn tail, syncs, rebuilds derived files) and opens for appending. The
  // caller holds the lock.
  static Store open(FileSystem&, const std::string& directory, const StoreOptions&);
  // Opens what is durable for reading beside a running writer; changes nothing.
  static Store open_for_reading(FileSystem&, const std::string& directory);
  Store(Store&&) noexcept;
  ~Store() override;

  // Appends the records as one group (at most kMaxGroupRecords and kMaxGroupBytes: ENSUREd; none:
  // does nothing) and makes them durable. Returns the tree head after them.
  attest::TreeHead append(std::span<const NewRecord> records);
  // Appends the record if the newest segment holds none: no segment can follow an empty one.
  void close_segment(const NewRecord& record);
  bool broken() const;  // only opening anew helps
  attest::TreeHead head() const;
  const attest::Hash& log_id() const;  // of the newest era, like the next
  std::uint32_t era() const;
  std::uint64_t recovered_torn_bytes() const;  // what open() cut off

  // Reading: one record (its content checked against its leaf), or each of [begin, end) in order
  // until the visitor returns false (structure checked, hashes not: that is the verifier's).
  StoredRecord read(std::uint64_t index) const;  // index past the end: std::out_of_range
  void visit(std::uint64_t begin, std::uint64_t end,
             const std::function<bool(const StoredRecord&)>& visitor) const;
  std::vector<attest::Hash> read_hashes(std::span<const attest::NodeId> nodes) const override;
  // The encoded leaves of [begin, end), one after another; past the end: std::out_of_range.
  attest::Bytes read_leaves(std::uint64_t begin, std::uint64_t end) const;

  // Packing (pack.h), beside the writer, from one thread: the log does not change, only how it lies
  // on disk. number < sealed_segments().
  std::uint64_t sealed_segments() const;
  std::optional<PackedSize> pack(
      std::uint64_t number, const StillWanted& still_wanted = [] { return true; }) const;

 private:
  struct State;
  explicit Store(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

}  // namespace stele::storage
