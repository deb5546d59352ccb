#include "daemon/ingest/journal_reader.h"

#include <poll.h>
#include <sys/mman.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "daemon/ingest/journal_export.h"

namespace stele::daemon {
namespace {

// Entries before the cursor that a start looks at, for the numbers of the other files.
constexpr std::uint64_t kLookBack = 4096;
constexpr std::size_t kIdBytes = 64;  // more than any machine's id has

thread_local volatile std::sig_atomic_t in_journal = 0;
thread_local volatile std::sig_atomic_t cut_off = 0;
std::atomic<std::uint64_t> pages{0};

// Only system calls that are allowed in a handler: mmap is one (and no wrapper of libc's).
void on_sigbus(int, siginfo_t* info, void*) {
  static const auto page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  if (in_journal != 0 && info->si_code == BUS_ADRERR) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr) & ~(page_bytes - 1);
    void* const page = ::mmap(reinterpret_cast<void*>(address), page_bytes, PROT_READ,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (page != MAP_FAILED) {
      cut_off = 1;
      ++pages;
      return;
    }
  }
  std::signal(SIGBUS, SIG_DFL);  // not ours: the access repeats, and ends the process
}

void install_guard() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    return ::sigaction(SIGBUS, &action, nullptr) == 0;
  }();
  if (!installed) throw std::system_error(errno, std::generic_category(), "sigaction SIGBUS");
}

// Calls into libsystemd under the guard; a result below zero is its -errno.
template <class Call>
int guarded(const char* what, Call call) {
  in_journal = 1;
  const int result = call();
  in_journal = 0;
  if (cut_off != 0) {
    cut_off = 0;
    throw std::system_error(EIO, std::generic_category(),
                            std::string(what) + ": a journal file was cut off while it was read");
  }
  if (result < 0) throw std::system_error(-result, std::generic_category(), what);
  return result;
}

int open(const Config& config, sd_journal** out) {
  if (!config.journal_directory.empty()) {
    return ::sd_journal_open_directory(out, config.journal_directory.c_str(), 0);
  }
  const char* const name =
      config.journal_namespace.empty() ? nullptr : config.journal_namespace.c_str();
  return ::sd_journal_open_namespace(out, name, SD_JOURNAL_LOCAL_ONLY);
}

}  // namespace

std::uint64_t truncated_pages() {
  return pages;
}

void JournalReader::Closer::operator()(sd_journal* journal) const {
  in_journal = 1;
  ::sd_journal_close(journal);
  in_journal = 0;
  cut_off = 0;
}

JournalReader::JournalReader(const Config& config, const std::string& cursor)
    : max_bytes_(config.max_event_bytes), filtered_(!config.journal_units.empty()) {
  install_guard();
  sd_journal* journal = nullptr;
  guarded("opening the journal", [&] { return open(config, &journal); });
  journal_.reset(journal);
  guarded("sd_journal_set_data_threshold",
          [&] { return ::sd_journal_set_data_threshold(journal, 0); });
  for (const std::string& unit : config.journal_units) {
    const std::string match = "_SYSTEMD_UNIT=" + unit;  // several of one field are alternatives
    guarded("sd_journal_add_match",
            [&] { return ::sd_journal_add_match(journal, match.data(), match.size()); });
  }
  guarded("sd_journal_get_fd", [&] { return ::sd_journal_get_fd(journal); });
  if (cursor.empty()) {
    guarded("sd_journal_seek_head", [&] { return ::sd_journal_seek_head(journal); });
    return;
  }
  if (seek(cursor)) {
    look_back();
    seek(cursor);
    return;
  }
  gone_cursor_ = cursor;
  const auto gone = journal_number(cursor);
  renumbered_ = !gone || !find_numbering(*gone);
  // Seeking may have gone past what came right after it: from the head, what is known is passed by.
  guarded("sd_journal_seek_head", [&] { return ::sd_journal_seek_head(journal); });
}

JournalReader::~JournalReader() = default;

bool JournalReader::next() {
  return guarded("sd_journal_next", [&] { return ::sd_journal_next(journal_.get()); }) > 0;
}

std::string JournalReader::cursor_here() {
  char* text = nullptr;
  guarded("sd_journal_get_cursor", [&] { return ::sd_journal_get_cursor(journal_.get(), &text); });
  std::string cursor(text);
  std::free(text);
  return cursor;
}

std::string JournalReader::machine_here() {
  std::string machine;
  guarded("sd_journal_get_data", [&] {
    const void* data = nullptr;
    std::size_t length = 0;
    const int found = ::sd_journal_get_data(journal_.get(), "_MACHINE_ID", &data, &length);
    if (found >= 0) machine.assign(static_cast<const char*>(data), std::min(length, kIdBytes));
    return found == -ENOENT ? 0 : found;
  });
  return machine;
}

bool JournalReader::read(JournalEntry& entry) {
  while (next()) {
    entry = {};
    entry.cursor = cursor_here();
    if (is_known(entry)) continue;
    read_fields(entry);
    return true;
  }
  return false;
}

// Onto the cursor's entry; false: there is none.
bool JournalReader::seek(const std::string& cursor) {
  sd_journal* const journal = journal_.get();
  guarded("sd_journal_seek_cursor",
          [&] { return ::sd_journal_seek_cursor(journal, cursor.c_str()); });
  return next() && guarded("sd_journal_test_cursor", [&] {
                     return ::sd_journal_test_cursor(journal, cursor.c_str());
                   }) > 0;
}

// From the entry we stand on back: the log has them, so their numbers are not missing.
void JournalReader::look_back() {
  for (std::uint64_t i = 0; i < kLookBack; ++i) {
    const std::string cursor = cursor_here();
    if (const auto here = journal_number(cursor)) numbers_.see(*here, machine_here());
    const int more = guarded("sd_journal_previous",
                             [&] { return ::sd_journal_previous(journal_.get()); });
    if (more == 0) break;
  }
}

// Whether entries of its numbering are still there: then it is the same journald that goes on.
bool JournalReader::find_numbering(const JournalNumber& cursor) {
  guarded("sd_journal_seek_head", [&] { return ::sd_journal_seek_head(journal_.get()); });
  while (next()) {
    const std::string text = cursor_here();
    const auto here = journal_number(text);
    if (!here || here->numbering != cursor.numbering) continue;
    numbers_.see(cursor, machine_here());
    return true;
  }
  return false;
}

// By its number; also notes what is missing before it.
bool JournalReader::is_known(JournalEntry& entry) {
  const auto here = journal_number(entry.cursor);
  if (!here) return false;
  const std::string machine = machine_here();
  bool known = numbers_.knows(*here);
  if (!known && !gone_cursor_.empty() && !renumbered_) {
    known = is_before(*here, *journal_number(gone_cursor_));
  }
  if (!known) {
    entry.lost = filtered_ ? 0 : numbers_.missing_before(*here, machine);
    entry.renumbered = std::exchange(renumbered_, false);
    if (entry.renumbered) gone_cursor_.clear();
  }
  numbers_.see(*here, machine);
  return known;
}

void JournalReader::read_fields(JournalEntry& entry) {
  sd_journal* const journal = journal_.get();
  std::uint64_t realtime_us = 0;
  std::uint64_t monotonic_us = 0;
  sd_id128_t boot{};
  guarded("sd_journal_get_realtime_usec",
          [&] { return ::sd_journal_get_realtime_usec(journal, &realtime_us); });
  guarded("sd_journal_get_monotonic_usec",
          [&] { return ::sd_journal_get_monotonic_usec(journal, &monotonic_us, &boot); });
  std::string& content = entry.content;
  content = "__CURSOR=" + entry.cursor + "\n__REALTIME_TIMESTAMP=" + std::to_string(realtime_us) +
            "\n__MONOTONIC_TIMESTAMP=" + std::to_string(monotonic_us) + "\n";
  ::sd_journal_restart_data(journal);
  const void* data = nullptr;
  std::size_t length = 0;
  // What the pointer shows is read under the guard too.
  while (guarded("sd_journal_enumerate_data", [&] {
           const int more = ::sd_journal_enumerate_data(journal, &data, &length);
           if (more > 0 && content.size() + length <= max_bytes_) {
             append_field(content, {static_cast<const char*>(data), length});
           } else if (more > 0) {
             content.resize(max_bytes_ + 1);  // too long: no more of it is kept
           }
           return more;
         }) > 0) {
  }
  if (content.size() > max_bytes_) content.clear();
}

void JournalReader::wait(int wake, std::chrono::milliseconds limit) {
  sd_journal* const journal = journal_.get();
  const int journal_fd = guarded("sd_journal_get_fd", [&] { return ::sd_journal_get_fd(journal); });
  pollfd both[] = {{journal_fd, POLLIN, 0}, {wake, POLLIN, 0}};
  ::poll(both, 2, static_cast<int>(limit.count()));
  guarded("sd_journal_process", [&] { return ::sd_journal_process(journal); });
}

}  // namespace stele::daemon
