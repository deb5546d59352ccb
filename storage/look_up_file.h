// The look-up's SQLite file: its schema, whose it is, and its rows with their checksums.
//
// Thread safety: one thread. Blocks: on SQLite's lock. Errors: LookUpError.
// Durability: none (synchronous off); WAL, so that queries and the feeder do not wait for each
// other. Trust: rows may have been edited: one that does not match its checksum is as if it were
// not there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/look_up_builder.h"
#include "storage/sqlite.h"

namespace stele::storage {

class LookUpFile {
 public:
  // The log, the chunk size and the reader of terms that the rows are for.
  struct Key {
    attest::Hash log_id;
    std::uint32_t chunk_records = 0;
    attest::Hash reader;  // TermReader's fingerprint
  };
  // Opens for feeding; a corrupt or foreign file is removed first.
  static LookUpFile open(const std::string& path, const Key& key);
  // Opens beside the feeder; nothing if the file is not there or not ours.
  static std::optional<LookUpFile> open_for_queries(const std::string& path, const Key& key);
  static void remove(const std::string& path);

  std::optional<ChunkSummary> summary(std::uint64_t chunk) const;
  std::optional<Places> postings(std::uint64_t chunk, std::uint64_t source,
                                 std::uint32_t count) const;
  // The places of a term by its hash; the summary says how many rows its field has, at least one.
  std::optional<Places> term(std::uint64_t chunk, std::size_t field, std::uint64_t hash,
                             const ChunkSummary& summary) const;
  // Writes a chunk's rows over what was there, all or none.
  void write(std::uint64_t chunk, const ChunkBuilder& builder);
  // Several reads of one state: from here to the destruction.
  void begin_reading();

 private:
  LookUpFile(Connection connection, const Key& key)
      : connection_(std::move(connection)), key_(key) {}
  bool is_ours() const;
  void write_row(const char* sql, std::uint64_t chunk, std::uint64_t source,
                 attest::ByteView bytes);
  std::optional<attest::Bytes> read_row(const char* sql, std::uint64_t chunk,
                                        std::uint64_t source) const;

  Connection connection_;
  Key key_;
};

}  // namespace stele::storage
