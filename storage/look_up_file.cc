#include "storage/look_up_file.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "attest/codec.h"

namespace stele::storage {

using attest::Bytes;
using attest::ByteView;

namespace {

constexpr std::int64_t kVersion = 2;

constexpr const char* kSettings =
    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA synchronous=OFF;";
constexpr const char* kLogTable = "CREATE TABLE log(key BLOB NOT NULL)";
constexpr const char* kChunkTable =
    "CREATE TABLE chunk(chunk INTEGER PRIMARY KEY, summary BLOB NOT NULL, checksum BLOB NOT NULL)";
constexpr const char* kPostingTable =
    "CREATE TABLE posting(source INTEGER, chunk INTEGER, places BLOB NOT NULL, checksum BLOB NOT "
    "NULL, "
    "PRIMARY KEY(source, chunk)) WITHOUT ROWID";

constexpr const char* kTermsTable =
    "CREATE TABLE terms(chunk INTEGER, source INTEGER, places BLOB NOT NULL, checksum BLOB NOT "
    "NULL, "
    "PRIMARY KEY(chunk, source)) WITHOUT ROWID";

constexpr const char* kReadChunk = "SELECT summary, checksum FROM chunk WHERE chunk = ?1";
constexpr const char* kReadPosting =
    "SELECT places, checksum FROM posting WHERE chunk = ?1 AND source = ?2";
constexpr const char* kReadTerms =
    "SELECT places, checksum FROM terms WHERE chunk = ?1 AND source = ?2";
constexpr const char* kWriteTerms =
    "INSERT OR REPLACE INTO terms(chunk, source, places, checksum) VALUES(?1, ?2, ?3, ?4)";
constexpr const char* kWriteChunk =
    "INSERT OR REPLACE INTO chunk(chunk, summary, checksum) VALUES(?1, ?3, ?4)";
constexpr const char* kWritePosting =
    "INSERT OR REPLACE INTO posting(chunk, source, places, checksum) VALUES(?1, ?2, ?3, ?4)";

std::int64_t as_integer(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Bytes encoded(const LookUpFile::Key& key) {
  Bytes out;
  attest::Writer(out).bytes(key.log_id).u32(key.chunk_records).bytes(key.reader);
  return out;
}

bool is_text(const Prepared& row, int column, std::string_view wanted) {
  const ByteView bytes = row.blob(column);
  return std::ranges::equal(bytes, attest::view(wanted));
}

}  // namespace

void LookUpFile::remove(const std::string& path) {
  for (const char* const suffix : {"", "-wal", "-shm", "-journal"}) {
    std::filesystem::remove(path + suffix);
  }
}

LookUpFile LookUpFile::open(const std::string& path, const Key& key) {
  for (const bool again : {true, false}) {
    try {
      LookUpFile file(Connection(path, Connection::Open::create), key);
      file.connection_.run(kSettings);
      file.connection_.run("PRAGMA journal_mode=WAL");
      if (file.is_ours()) return file;
      Prepared version(file.connection_, "PRAGMA user_version");
      const bool empty = version.step() && version.integer(0) == 0;
      version.reset();
      if (empty) {
        const std::string schema = std::string("BEGIN;") + kLogTable + ";" + kChunkTable + ";" +
                                   kPostingTable + ";" + kTermsTable +
                                   ";PRAGMA user_version=" + std::to_string(kVersion);
        file.connection_.run(schema.c_str());
        const Bytes bytes = encoded(key);
        Prepared insert(file.connection_, "INSERT INTO log(key) VALUES(?1)");
        insert.bind(1, bytes).step();
        file.connection_.run("COMMIT");
        return file;
      }
    } catch (const LookUpError& error) {
      if (!error.corrupt() || !again) throw;
    }
    remove(path);
  }
  throw LookUpError(0, "cannot make the look-up " + path + " anew");
}

std::optional<LookUpFile> LookUpFile::open_for_queries(const std::string& path, const Key& key) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  LookUpFile file(Connection(path, Connection::Open::existing), key);
  file.connection_.run(kSettings);
  if (!file.is_ours()) return std::nullopt;
  return file;
}

// The schema must be ours to the letter: an edited one could hold views or triggers that never end.
bool LookUpFile::is_ours() const {
  Prepared version(connection_, "PRAGMA user_version");
  if (!version.step() || version.integer(0) != kVersion) return false;
  Prepared schema(connection_, "SELECT sql FROM sqlite_schema ORDER BY name");
  for (const char* const wanted : {kChunkTable, kLogTable, kPostingTable, kTermsTable}) {
    if (!schema.step() || !is_text(schema, 0, wanted)) return false;
  }
  if (schema.step()) return false;
  Prepared log(connection_, "SELECT key FROM log");
  return log.step() && std::ranges::equal(log.blob(0), encoded(key_));
}

void LookUpFile::begin_reading() {
  connection_.run("BEGIN");
}

std::optional<Bytes> LookUpFile::read_row(const char* sql, std::uint64_t chunk,
                                          std::uint64_t source) const {
  Prepared row(connection_, sql);
  row.bind(1, as_integer(chunk));
  if (source != kSummarySource) row.bind(2, as_integer(source));
  if (!row.step()) return std::nullopt;
  const ByteView bytes = row.blob(0);
  if (!std::ranges::equal(row.blob(1), row_checksum(key_.log_id, chunk, source, bytes))) {
    return std::nullopt;
  }
  return Bytes(bytes.begin(), bytes.end());
}

std::optional<ChunkSummary> LookUpFile::summary(std::uint64_t chunk) const {
  const auto bytes = read_row(kReadChunk, chunk, kSummarySource);
  if (!bytes) return std::nullopt;
  auto summary = decode_chunk_summary(*bytes);
  if (summary && summary->count > key_.chunk_records) return std::nullopt;
  return summary;
}

std::optional<Places> LookUpFile::postings(std::uint64_t chunk, std::uint64_t source,
                                           std::uint32_t count) const {
  const auto bytes = read_row(kReadPosting, chunk, source);
  if (!bytes) return std::nullopt;
  return decode_postings(*bytes, count);
}

std::optional<Places> LookUpFile::term(std::uint64_t chunk, std::size_t field, std::uint64_t hash,
                                       const ChunkSummary& summary) const {
  const std::uint32_t row = term_row(hash, summary.term_rows[field]);
  const auto bytes = read_row(kReadTerms, chunk, term_row_source(field, row));
  if (!bytes) return std::nullopt;
  return find_term(*bytes, hash, summary.count);
}

void LookUpFile::write_row(const char* sql, std::uint64_t chunk, std::uint64_t source,
                           ByteView bytes) {
  const RowChecksum checksum = row_checksum(key_.log_id, chunk, source, bytes);
  Prepared row(connection_, sql);
  row.bind(1, as_integer(chunk)).bind(3, bytes).bind(4, checksum);
  if (source != kSummarySource) row.bind(2, as_integer(source));
  row.step();
}

void LookUpFile::write(std::uint64_t chunk, const ChunkBuilder& builder) {
  connection_.run("BEGIN IMMEDIATE");
  try {
    for (const auto& [source, places] : builder.places()) {
      write_row(kWritePosting, chunk, source, encode_postings(places));
    }
    const auto terms = builder.term_rows();
    for (std::size_t field = 0; field < kTermFields; ++field) {
      for (std::uint32_t row = 0; row < terms[field].size(); ++row) {
        write_row(kWriteTerms, chunk, term_row_source(field, row), terms[field][row]);
      }
    }
    write_row(kWriteChunk, chunk, kSummarySource, encode(builder.summary(terms)));
    connection_.run("COMMIT");
  } catch (const LookUpError&) {
    connection_.abandon();
    throw;
  }
}

}  // namespace stele::storage
