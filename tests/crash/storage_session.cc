// A canonical session on a store, as a program of its own: what the fault families kill, starve and lie to.
//
//   storage_session run DIR                          creates DIR's store or recovers it, appends up to the end
//   storage_session check DIR RECORDS ENTRIES        recovers, checks everything against the script, goes on to the end
//   storage_session starve DIR                       run + check with the n-th allocation failing, for every n
//
// Record and entry i hold bytes that follow from i alone, so any loss, change or invention shows.
// `run` prints "records N" and "entries N" as soon as that many are durable. Exit codes: 0 done,
// 74 an accident, named on stderr; 1 (check) something is wrong; anything else is a finding.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>

#include "attest/entry.h"
#include "storage/file_system.h"
#include "storage/journal.h"
#include "storage/store.h"

namespace {

using namespace stele;

constexpr std::uint64_t kGroups = 50;
constexpr std::uint64_t kRecordsPerGroup = 3;
constexpr std::uint64_t kRecords = 1 + kGroups * kRecordsPerGroup;  // the genesis and the groups
constexpr std::uint64_t kEntries = 1 + kGroups / 5;

std::atomic<long> allocations{0};
std::atomic<long> fail_at{0};  // 0: never

attest::Hash log_id() { return attest::hash(attest::view("a log for faults")); }

attest::Bytes content(std::uint64_t index) {
  attest::Bytes out;
  const std::uint64_t length = index % 7 == 3 ? 5000 + index : index * 13 % 400;
  for (std::uint64_t i = 0; i < length; ++i) out.push_back(static_cast<std::uint8_t>(index * 31 + i * 7));
  return out;
}

attest::Bytes remark(std::uint64_t number) {
  attest::Remark out;
  out.seq = number;
  out.text = "entry " + std::to_string(number);
  return encode(out);
}

storage::NewRecord record(std::uint64_t index, const attest::Bytes& bytes) {
  storage::NewRecord out;
  out.kind = index == 0 ? attest::Kind::genesis : attest::Kind::event;
  out.time_ns = static_cast<std::int64_t>(index) * 1000;
  out.salt = attest::hash(bytes);
  out.bytes = bytes;
  return out;
}

storage::StoreOptions options() {
  storage::StoreOptions out;
  out.segment_bytes = 20'000;  // several segments in one session
  return out;
}

// The first file: a folder alone is a creation that did not get far, and may be tried again.
constexpr const char* kJournal = "/journal/0000000000000000";
constexpr const char* kSegments = "/segments/0000000000000000";

void say(const char* what, std::uint64_t count) {
  char line[64];
  const int length = std::snprintf(line, sizeof line, "%s %llu\n", what, static_cast<unsigned long long>(count));
  if (write(STDOUT_FILENO, line, static_cast<std::size_t>(length)) != length) _exit(70);
}

std::uint64_t append_group(storage::Store& store) {
  std::vector<attest::Bytes> bytes;
  std::vector<storage::NewRecord> records;
  const std::uint64_t first = store.head().size;
  for (std::uint64_t i = 0; i < kRecordsPerGroup; ++i) bytes.push_back(content(first + i));
  for (std::uint64_t i = 0; i < kRecordsPerGroup; ++i) records.push_back(record(first + i, bytes[i]));
  return store.append(records).size;
}

// announce: tell from the start what an earlier run left durable; what this one adds is always told.
void run(const std::string& directory, bool announce) {
  storage::FileSystem& files = storage::posix();
  const attest::Bytes genesis = content(0);
  const auto lock = files.lock(directory + "/lock");
  if (!lock) throw std::runtime_error("the directory is locked");
  if (!files.exists(directory + kJournal)) storage::Journal::create(files, directory, log_id(), remark(0));
  if (!files.exists(directory + kSegments)) {
    storage::Store::create(files, directory, log_id(), 0, record(0, genesis));
  }
  storage::Journal journal = storage::Journal::open(files, directory, {4096}, [](auto, auto, auto) {});
  storage::Store store = storage::Store::open(files, directory, options());
  if (announce) {
    say("records", store.head().size);
    say("entries", journal.entries());
  }
  while (store.head().size < kRecords) {
    say("records", append_group(store));
    if (store.head().size / kRecordsPerGroup % 5 == 0 && journal.entries() < kEntries) {
      say("entries", journal.append(attest::EntryKind::remark, remark(journal.entries())) + 1);
    }
  }
}

std::uint64_t check_journal(const std::string& directory) {
  std::uint64_t seen = 0;
  storage::Journal::open(storage::posix(), directory, {4096},
                         [&](std::uint64_t number, std::uint8_t, attest::ByteView payload) {
                           const attest::Bytes expected = remark(number);
                           if (number != seen++ || attest::Bytes(payload.begin(), payload.end()) != expected) {
                             throw std::runtime_error("entry " + std::to_string(number) + " is not what was written");
                           }
                         });
  return seen;
}

std::uint64_t check_store(const std::string& directory) {
  const storage::Store store = storage::Store::open(storage::posix(), directory, options());
  store.visit(0, store.head().size, [&](const storage::StoredRecord& found) {
    if (found.bytes != content(found.index) || found.leaf.time_ns != static_cast<std::int64_t>(found.index) * 1000) {
      throw std::runtime_error("record " + std::to_string(found.index) + " is not what was written");
    }
    return true;
  });
  return store.head().size;
}

// Throws with what is wrong.
void check(const std::string& directory, std::uint64_t records, std::uint64_t entries) {
  storage::FileSystem& files = storage::posix();
  const std::uint64_t seen = files.exists(directory + kJournal) ? check_journal(directory) : 0;
  const std::uint64_t size = files.exists(directory + kSegments) ? check_store(directory) : 0;
  if (seen < entries) throw std::runtime_error("an acknowledged entry is lost");
  if (size < records) throw std::runtime_error("an acknowledged record is lost");
  if (size > kRecords || (size > 1 && (size - 1) % kRecordsPerGroup != 0)) {
    throw std::runtime_error("records that nobody wrote: " + std::to_string(size));
  }
}

// One run with the n-th allocation failing, in a process of its own; what it had acknowledged.
struct Starved {
  int status = 0;
  std::uint64_t records = 0;
  std::uint64_t entries = 0;
  bool reached = false;  // the n-th allocation was asked for
};

[[noreturn]] void starve_child(const std::string& directory, long n) {
  int code = 0;
  try {
    allocations = 0;
    fail_at = n;
    run(directory, false);
  } catch (const std::exception&) {
    code = 74;
  }
  fail_at = 0;
  say("allocations", static_cast<std::uint64_t>(allocations.load()));
  _exit(code);
}

Starved starve_once(const std::string& directory, long n) {
  int ends[2];
  if (pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    starve_child(directory, n);
  }
  close(ends[1]);
  Starved out;
  FILE* lines = fdopen(ends[0], "r");
  char word[32];
  unsigned long long count = 0;
  while (std::fscanf(lines, "%31s %llu", word, &count) == 2) {
    if (std::string(word) == "records") out.records = count;
    if (std::string(word) == "entries") out.entries = count;
    if (std::string(word) == "allocations") out.reached = count >= static_cast<unsigned long long>(n);
  }
  std::fclose(lines);
  waitpid(child, &out.status, 0);
  return out;
}

int starve(const std::string& base) {
  unsigned long injected = 0, lost = 0;
  bool reached = true;
  for (long n = 1; reached && n <= 20'000; ++n) {
    const std::string directory = base + "/" + std::to_string(n);
    std::filesystem::create_directory(directory);
    const Starved starved = starve_once(directory, n);
    reached = starved.reached;
    ++injected;
    const int code = WIFEXITED(starved.status) ? WEXITSTATUS(starved.status) : -1;
    try {
      if (code != 0 && code != 74) throw std::runtime_error("wait status " + std::to_string(starved.status));
      check(directory, starved.records, starved.entries);
      if (starve_once(directory, 0).status != 0) throw std::runtime_error("cannot go on");
    } catch (const std::exception& error) {
      ++lost;
      std::fprintf(stderr, "allocation %ld: %s\n", n, error.what());
    }
    std::filesystem::remove_all(directory);
  }
  std::printf("family 17: injected %lu, lost %lu, false alarms 0, missed 0\n", injected, lost);
  return lost == 0 && injected > 100 ? 0 : 1;
}

}  // namespace

void* operator new(std::size_t size) {
  const long now = allocations.fetch_add(1, std::memory_order_relaxed) + 1;
  if (now == fail_at.load(std::memory_order_relaxed)) throw std::bad_alloc();
  if (void* out = std::malloc(size == 0 ? 1 : size)) return out;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  try {
    if (mode == "run" && argc == 3) return run(argv[2], true), 0;
    if (mode == "check" && argc == 5) {
      return check(argv[2], std::stoull(argv[3]), std::stoull(argv[4])), run(argv[2], false), 0;
    }
    if (mode == "starve" && argc == 3) return starve(argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "storage_session: %s\n", error.what());
    return mode == "check" ? 1 : 74;
  }
  std::fprintf(stderr, "usage: storage_session run DIR | check DIR RECORDS ENTRIES | starve DIR\n");
  return 64;
}
