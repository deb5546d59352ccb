#include "storage/journal.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "attest/check.h"
#include "storage/append_file.h"
#include "storage/damage.h"
#include "storage/file_window.h"
#include "storage/journal_format.h"
#include "storage/numbered_file.h"

namespace stele::storage {
namespace {

using attest::Defect;
using attest::Fault;
using attest::Hash;
using attest::Place;

constexpr AppendPoints kJournalPoints{"journal.append.before_write", "journal.append.before_sync",
                                      "journal.append.after_sync"};

std::string journal_of(const std::string& directory) {
  return directory + "/journal";
}

// Where the chain of entries stands.
struct Chain {
  Hash log_id;
  std::uint64_t entries = 0;
  Hash checksum;  // of the newest
};

// Appends the entry's bytes and moves the chain on.
void encode_entry(Chain& chain, const Marker& marker, attest::EntryKind kind,
                  attest::ByteView payload, attest::Bytes& out) {
  ENSURE(payload.size() <= kMaxEntryBytes);
  const auto header = encode(EntryHeader{marker, static_cast<std::uint8_t>(kind),
                                         static_cast<std::uint32_t>(payload.size())});
  const Hash checksum =
      entry_checksum(chain.log_id, chain.entries, chain.checksum, header, payload);
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), payload.begin(), payload.end());
  out.insert(out.end(), checksum.bytes.begin(), checksum.bytes.end());
  chain.checksum = checksum;
  ++chain.entries;
}

JournalHeader next_header(const Chain& chain, std::uint32_t number) {
  JournalHeader header;
  header.number = number;
  header.first_entry = chain.entries;
  header.marker = random_marker();
  header.log_id = chain.log_id;
  header.previous_checksum = chain.checksum;
  return header;
}

struct JournalFile {
  std::string path;
  std::shared_ptr<File> file;
  JournalHeader header;
};

JournalFile open_file(FileSystem& files, const std::string& directory, std::uint64_t number,
                      const Chain& chain) {
  JournalFile opened;
  opened.path = numbered_path(directory, number);
  opened.file = files.open(opened.path, FileSystem::Open::read_write);
  attest::Bytes bytes(kJournalHeaderBytes);
  bytes.resize(opened.file->read(0, bytes));
  const auto header = decode_journal_header(bytes);
  if (!header) {
    throw Damage(header.error().fault, Place::entry(chain.entries),
                 opened.path + ": " + header.error().detail);
  }
  if (header->number != number || header->first_entry != chain.entries ||
      header->previous_checksum != chain.checksum) {
    throw Damage(Fault::journal_damaged, Place::entry(chain.entries),
                 opened.path + ": it does not continue the file before it");
  }
  opened.header = *header;
  return opened;
}

struct ReadEntry {
  std::uint8_t kind = 0;
  attest::Bytes payload;
  std::uint64_t length = 0;  // of the whole entry
};

// The entry at offset; moves the chain on.
attest::Result<ReadEntry> read_entry(const JournalFile& in, std::uint64_t offset,
                                     std::uint64_t size, Chain& chain) {
  attest::Bytes head(kEntryHeaderBytes);
  head.resize(in.file->read(offset, head));
  const auto header = decode_entry_header(head);
  if (!header) return header.error();
  if (header->marker != in.header.marker) return Defect(Fault::journal_damaged, {}, "no marker");
  ReadEntry entry;
  entry.kind = header->kind;
  entry.length = kEntryHeaderBytes + std::uint64_t{header->length} + kEntryChecksumBytes;
  if (entry.length > size - offset) return Defect(Fault::truncated, {}, "entry");
  entry.payload.resize(header->length);
  Hash stored;
  const std::uint64_t after = offset + kEntryHeaderBytes;
  if (in.file->read(after, entry.payload) != entry.payload.size() ||
      in.file->read(after + header->length, stored.bytes) != stored.bytes.size()) {
    return Defect(Fault::truncated, {}, "entry");
  }
  const Hash checksum =
      entry_checksum(chain.log_id, chain.entries, chain.checksum, head, entry.payload);
  if (checksum != stored) return Defect(Fault::journal_damaged, {}, "the checksum does not match");
  chain.checksum = checksum;
  ++chain.entries;
  return entry;
}

}  // namespace

struct Journal::State {
  FileSystem& files;
  std::string directory;
  JournalOptions options;
  Chain chain;
  JournalHeader header;  // of the newest file
  std::unique_ptr<AppendFile> file;
  bool recovered_torn = false;
  bool broken = false;

  void read_file(std::uint64_t number, bool is_newest, const Visitor& visitor);
  void begin_file();
  void begin_era(const Hash& log_id, attest::ByteView genesis);
  void append(attest::EntryKind kind, attest::ByteView payload);
};

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {}
Journal::Journal(Journal&&) noexcept = default;
Journal::~Journal() = default;

void Journal::create(FileSystem& files, const std::string& directory, const Hash& log_id,
                     attest::ByteView genesis) {
  const std::string journal = journal_of(directory);
  files.create_directory(directory);
  files.create_directory(journal);
  if (!list_numbers(files, journal).empty()) {
    throw std::system_error(EEXIST, std::generic_category(), journal + " holds a journal");
  }
  Chain chain{log_id, 0, {}};
  const JournalHeader header = next_header(chain, 0);
  const auto encoded = encode(header);
  attest::Bytes bytes(encoded.begin(), encoded.end());
  encode_entry(chain, header.marker, attest::EntryKind::genesis, genesis, bytes);
  publish_file(files, journal, 0, bytes);
  files.sync_directory(directory);
}

void Journal::State::read_file(std::uint64_t number, bool is_newest, const Visitor& visitor) {
  const JournalFile in = open_file(files, directory, number, chain);
  const bool must_begin_era = number > 0 && in.header.log_id != chain.log_id;
  const std::uint64_t first_entry = chain.entries;
  chain.log_id = in.header.log_id;
  header = in.header;
  const std::uint64_t size = in.file->size();
  std::uint64_t newest = kJournalHeaderBytes;  // where the newest entry begins
  std::uint64_t end = kJournalHeaderBytes;
  while (end < size) {
    const auto entry = read_entry(in, end, size, chain);
    if (!entry) {
      FileWindow window(*in.file, size);
      if (!is_newest || !window.may_be_torn(in.header.marker, end, kMaxEntryUnitBytes)) {
        throw Damage(Fault::journal_damaged, Place::entry(chain.entries),
                     in.path + ", byte " + std::to_string(end) + ": " + entry.error().detail);
      }
      recovered_torn = true;
      break;
    }
    if (must_begin_era && chain.entries - 1 == first_entry &&
        entry->kind != static_cast<std::uint8_t>(attest::EntryKind::genesis)) {
      throw Damage(Fault::journal_damaged, Place::entry(first_entry),
                   in.path + ": it belongs to another log");
    }
    if (visitor) visitor(chain.entries - 1, entry->kind, entry->payload);
    newest = end;
    end += entry->length;
  }
  if (!is_newest) return;
  if (chain.entries == first_entry && (number == 0 || must_begin_era)) {
    throw Damage(Fault::journal_damaged, Place::entry(first_entry),
                 in.path + ": the genesis entry is missing");
  }
  settle(*in.file, newest, end);
  file = std::make_unique<AppendFile>(in.file, end, kJournalPoints);
}

Journal Journal::open(FileSystem& files, const std::string& directory,
                      const JournalOptions& options, const Visitor& visitor) {
  const std::string journal = journal_of(directory);
  const std::vector<std::uint64_t> numbers = list_numbers(files, journal);
  if (numbers.empty())
    throw Damage(Fault::journal_missing, Place::entry(0), journal + ": no journal");
  auto state = std::make_unique<State>(State{files, journal, options, {}, {}, nullptr});
  for (std::uint64_t number = 0; number < numbers.size(); ++number) {
    if (numbers[number] != number) {
      throw Damage(Fault::journal_missing, Place::entry(state->chain.entries),
                   numbered_path(journal, number) + " is missing");
    }
    state->read_file(number, number + 1 == numbers.size(), visitor);
  }
  remove_unfinished(files, journal);
  files.sync_directory(journal);
  files.sync_directory(directory);
  return Journal(std::move(state));
}

void Journal::State::begin_file() {
  JournalHeader next = next_header(chain, header.number + 1);
  const auto bytes = encode(next);
  std::shared_ptr<File> made = publish_file(files, directory, next.number, bytes);
  file = std::make_unique<AppendFile>(std::move(made), bytes.size(), kJournalPoints);
  header = next;
}

void Journal::State::append(attest::EntryKind kind, attest::ByteView payload) {
  if (file->end() >= options.file_bytes) begin_file();
  Chain after = chain;
  attest::Bytes bytes;
  encode_entry(after, header.marker, kind, payload, bytes);
  file->append(bytes);
  chain = after;
}

void Journal::State::begin_era(const Hash& log_id, attest::ByteView genesis) {
  Chain after = chain;
  after.log_id = log_id;
  const JournalHeader next = next_header(after, header.number + 1);
  const auto encoded = encode(next);
  attest::Bytes bytes(encoded.begin(), encoded.end());
  encode_entry(after, next.marker, attest::EntryKind::genesis, genesis, bytes);
  std::shared_ptr<File> made = publish_file(files, directory, next.number, bytes);
  file = std::make_unique<AppendFile>(std::move(made), bytes.size(), kJournalPoints);
  header = next;
  chain = after;
}

void Journal::begin_era(const Hash& log_id, attest::ByteView genesis) {
  ENSURE(!state_->broken);
  state_->begin_era(log_id, genesis);
}

std::uint64_t Journal::append(attest::EntryKind kind, attest::ByteView payload) {
  if (std::exchange(state_->broken, true)) {
    throw std::system_error(
        EIO, std::generic_category(),
        "the journal is broken by an earlier failed write or sync; open it anew");
  }
  try {
    state_->append(kind, payload);
  } catch (const std::system_error& error) {
    if (is_full(error) && !state_->file->broken()) state_->broken = false;  // as in Store::append
    throw;
  }
  state_->broken = false;
  return state_->chain.entries - 1;
}

bool Journal::broken() const {
  return state_->broken;
}
std::uint64_t Journal::entries() const {
  return state_->chain.entries;
}
bool Journal::recovered_torn() const {
  return state_->recovered_torn;
}

}  // namespace stele::storage
