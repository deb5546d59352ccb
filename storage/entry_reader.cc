#include <algorithm>
#include <utility>

#include "storage/file_window.h"
#include "storage/journal_format.h"
#include "storage/numbered_file.h"
#include "storage/store_reader.h"

namespace stele::storage {

using attest::Bytes;
using attest::ByteView;
using attest::Defect;
using attest::Fault;
using attest::Hash;
using attest::Place;
using attest::Result;

struct EntryReader::State {
  State(FileSystem& files_, const std::string& directory_, std::uint64_t first_file)
      : files(files_),
        directory(directory_ + "/journal"),
        numbers(list_numbers(files, directory)),
        next_file(static_cast<std::size_t>(first_file)),
        believed(first_file > 0) {
    // What a live writer appends from here on is not looked at.
    if (numbers.empty()) return;
    const auto newest = open_evidence(files, numbered_path(directory, numbers.back()));
    if (newest) last_limit = newest->size();
  }

  FileSystem& files;
  std::string directory;
  std::vector<std::uint64_t> numbers;
  std::uint64_t last_limit = 0;  // of the newest file
  std::size_t next_file;
  bool believed;  // the next header, whatever it says that it follows
  std::unique_ptr<File> file;
  std::optional<FileWindow> window;
  std::uint64_t offset = 0;
  std::optional<JournalHeader> header;
  Hash previous_checksum;
  std::uint64_t next_entry = 0;
  std::optional<Hash> log_id;
  bool ended = false;
  bool torn = false;
  std::optional<Defect> defect;

  bool in_last_file() const { return next_file == numbers.size(); }
  void stop(Defect why) {
    defect = std::move(why);
    ended = true;
  }
  void stop_torn() { torn = ended = true; }

  void open_next_file();
  Result<void> accept(const JournalHeader& candidate);
  Result<Entry> read_entry();
  void judge(const Defect& broken);
};

void EntryReader::State::open_next_file() {
  if (next_file >= numbers.size() && !numbers.empty()) {
    ended = true;
    return;
  }
  const std::uint64_t wanted = next_file;
  const std::string path = numbered_path(directory, wanted);
  if (numbers.empty() || numbers[next_file] != wanted) {
    return stop(Defect(Fault::journal_missing, Place::entry(next_entry), "there is no " + path));
  }
  file = open_evidence(files, path);
  ++next_file;
  if (!file) {
    return stop(
        Defect(Fault::journal_damaged, Place::entry(next_entry), path + " is no regular file"));
  }
  window.emplace(*file, in_last_file() ? last_limit : file->size());
  const auto decoded = decode_journal_header(window->peek(0, kJournalHeaderBytes));
  const Result<void> accepted = decoded ? accept(*decoded) : Result<void>(decoded.error());
  if (!accepted) {
    // Never torn: a file gets its name when its header is durable.
    const Fault fault = accepted.error().fault;
    return stop(Defect(fault == Fault::version_unknown ? fault : Fault::journal_damaged,
                       Place::entry(next_entry), path + ": header: " + accepted.error().detail));
  }
  header = *decoded;
  offset = kJournalHeaderBytes;
}

Result<void> EntryReader::State::accept(const JournalHeader& candidate) {
  const Fault fault = Fault::journal_damaged;
  if (candidate.number != next_file - 1)
    return Defect(fault, {}, "it has another number than its file");
  if (std::exchange(believed, false)) {
    next_entry = candidate.first_entry;
    previous_checksum = candidate.previous_checksum;
  }
  if (candidate.first_entry != next_entry) return Defect(fault, {}, "it begins at another entry");
  if (candidate.previous_checksum != previous_checksum) {
    return Defect(fault, {}, "it does not follow the file before it");
  }
  if (!log_id || candidate.log_id == *log_id) return attest::ok();
  // A later era: its file appears with its genesis in it.
  const auto first = decode_entry_header(window->peek(kJournalHeaderBytes, kEntryHeaderBytes));
  if (!first || first->kind != static_cast<std::uint8_t>(attest::EntryKind::genesis)) {
    return Defect(fault, {}, "it belongs to another log");
  }
  return attest::ok();
}

Result<EntryReader::Entry> EntryReader::State::read_entry() {
  const Fault fault = Fault::journal_damaged;
  const ByteView front = window->peek(offset, kEntryHeaderBytes);
  const auto decoded = decode_entry_header(front);
  if (!decoded) return decoded.error();
  if (decoded->marker != header->marker)
    return Defect(fault, {}, "it does not begin with the marker");
  const std::uint64_t length =
      kEntryHeaderBytes + std::uint64_t{decoded->length} + kEntryChecksumBytes;
  // Bounded before anything is allocated: by the format and by what the file holds.
  if (decoded->length > kMaxEntryBytes || length > window->limit() - offset) {
    return Defect(fault, {}, "its length cannot be");
  }
  Bytes bytes(static_cast<std::size_t>(length));
  if (!window->read(offset, bytes)) return Defect(fault, {}, "it ends too early");
  const ByteView payload = ByteView(bytes).subspan(kEntryHeaderBytes, decoded->length);
  const Hash checksum = entry_checksum(header->log_id, next_entry, previous_checksum,
                                       ByteView(bytes).first(kEntryHeaderBytes), payload);
  if (!std::equal(checksum.bytes.begin(), checksum.bytes.end(),
                  bytes.end() - kEntryChecksumBytes)) {
    return Defect(fault, {}, "its checksum does not match");
  }
  log_id = header->log_id;
  previous_checksum = checksum;
  offset += length;
  return Entry{next_entry++, decoded->kind, Bytes(payload.begin(), payload.end())};
}

void EntryReader::State::judge(const Defect& broken) {
  // The next entry is written only after this one's sync returned: only the newest may be torn.
  // A file that begins an era appears whole.
  const bool begins_era = log_id && header->log_id != *log_id;
  if (in_last_file() && !begins_era &&
      window->may_be_torn(header->marker, offset, kMaxEntryUnitBytes)) {
    return stop_torn();
  }
  stop(Defect(Fault::journal_damaged, Place::entry(next_entry),
              "journal " + file_name(header->number) + ", at byte " + std::to_string(offset) +
                  ": " + broken.detail));
}

EntryReader::EntryReader(FileSystem& files, const std::string& directory)
    : EntryReader(files, directory, 0) {}
EntryReader::EntryReader(FileSystem& files, const std::string& directory, std::uint64_t first_file)
    : state_(std::make_unique<State>(files, directory, first_file)) {}
EntryReader::~EntryReader() = default;

std::optional<EntryReader::Entry> EntryReader::next() {
  State& state = *state_;
  while (!state.ended) {
    if (!state.window || state.offset == state.window->limit()) {
      state.open_next_file();
      continue;
    }
    auto entry = state.read_entry();
    if (entry) return std::move(*entry);
    state.judge(entry.error());
  }
  return std::nullopt;
}

std::uint64_t EntryReader::files() const {
  return state_->numbers.size();
}
bool EntryReader::torn() const {
  return state_->torn;
}
std::uint64_t EntryReader::entries() const {
  return state_->next_entry;
}
const std::optional<Hash>& EntryReader::log_id() const {
  return state_->log_id;
}
const std::optional<Defect>& EntryReader::defect() const {
  return state_->defect;
}

}  // namespace stele::storage
