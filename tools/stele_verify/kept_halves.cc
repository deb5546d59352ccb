#include "tools/stele_verify/kept_halves.h"

#include "attest/entry.h"
#include "storage/store_reader.h"
#include "tools/stele_verify/files.h"

namespace stele::tools {
namespace {

void write_half(const std::string& path, const std::optional<SignedHalf>& half) {
  if (!half) return;
  const attest::Bytes bytes = encode(*half);
  replace_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// Whether the first statement of a journal's file comes before the counter anchor remembered.
bool begins_before(storage::FileSystem& files, const std::string& directory, std::uint64_t number,
                   const attest::Memory& memory) {
  storage::EntryReader reader(files, directory, number);
  while (const auto entry = reader.next()) {
    if (entry->kind != static_cast<std::uint8_t>(attest::EntryKind::intent)) continue;
    const auto statement = attest::decode_statement(entry->payload);
    return statement && statement->log_id == memory.log_id && statement->seq < memory.seq;
  }
  return false;
}

// The newest file from which on the memory's counter anchor is met; a journal grows for years.
std::uint64_t file_to_begin_with(storage::FileSystem& files, const std::string& directory,
                                 const attest::Memory& memory) {
  for (std::uint64_t number = storage::EntryReader(files, directory).files(); number > 1;) {
    if (begins_before(files, directory, --number, memory)) return number;
  }
  return 0;
}

bool is_remembered(const std::optional<SignedHalf>& half, const attest::Memory& memory) {
  return half && half->statement.seq == memory.seq &&
         half->statement.quote_seq == memory.quote_seq && half->digest() == memory.digest;
}

}  // namespace

void KeptHalves::keep_those_of(const attest::Memory& memory) {
  if (newest && newest->digest() != memory.digest) newest.reset();
  if (counter && (counter->statement.log_id != memory.log_id || counter->statement.seq != memory.seq))
    counter.reset();
}

void write_halves(const std::string& memory_path, const KeptHalves& halves) {
  write_half(memory_path + kAnchorSuffix, halves.newest);
  write_half(memory_path + kCounterAnchorSuffix, halves.counter);
}

KeptHalves halves_in(storage::FileSystem& files, const std::string& directory,
                     const attest::Memory& memory, const attest::TrustFile& trust) {
  HalfCollector collector({});
  storage::EntryReader reader(files, directory, file_to_begin_with(files, directory, memory));
  while (!is_remembered(collector.newest(), memory)) {
    const auto entry = reader.next();
    if (!entry) break;
    collector.take(entry->kind, entry->payload);
  }
  KeptHalves halves{collector.newest(), collector.newest_counter()};
  halves.keep_those_of(memory);
  // It is a second look: what lies there now may be other bytes than those that were judged.
  if (halves.newest && !verify_half(*halves.newest, trust)) halves.newest.reset();
  if (halves.counter && !verify_half(*halves.counter, trust)) halves.counter.reset();
  return halves;
}

}  // namespace stele::tools
