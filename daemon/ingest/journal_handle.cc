#include "daemon/ingest/journal_handle.h"

#include <sys/mman.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "daemon/ingest/journal_export.h"

namespace stele::daemon {
namespace {

constexpr std::size_t kIdBytes = 64;  // more than any machine's id has

thread_local volatile std::sig_atomic_t in_journal = 0;
thread_local volatile std::sig_atomic_t cut_off = 0;

// Only system calls that are allowed in a handler: mmap is one (and no wrapper of libc's).
void on_sigbus(int, siginfo_t* info, void*) {
  static const auto page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  if (in_journal != 0 && info->si_code == BUS_ADRERR) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr) & ~(page_bytes - 1);
    void* const page = ::mmap(reinterpret_cast<void*>(address), page_bytes, PROT_READ,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (page != MAP_FAILED) {
      cut_off = 1;
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

}  // namespace

void JournalHandle::Closer::operator()(sd_journal* journal) const {
  in_journal = 1;
  ::sd_journal_close(journal);
  in_journal = 0;
  cut_off = 0;
}

JournalHandle::JournalHandle(const Config& config) {
  install_guard();
  const char* const name =
      config.journal_namespace.empty() ? nullptr : config.journal_namespace.c_str();
  guarded("opening the journal", [&] {
    sd_journal* journal = nullptr;
    const int result = ::sd_journal_open_namespace(&journal, name, SD_JOURNAL_LOCAL_ONLY);
    journal_.reset(journal);  // also where the guard has seen a file cut off
    return result;
  });
  prepare(config);
}

// libsystemd gets a name of what is open and not its number: of sd_journal_open_files_fd's numbers,
// 252 (Debian 12) closes those that it took, later ones none.
JournalHandle::JournalHandle(const Config& config, int descriptor) {
  install_guard();
  const std::string name = "/proc/self/fd/" + std::to_string(descriptor);
  const char* names[] = {name.c_str(), nullptr};
  guarded("opening a journal file", [&] {
    sd_journal* journal = nullptr;
    const int result = ::sd_journal_open_files(&journal, names, 0);
    journal_.reset(journal);
    return result;
  });
  prepare(config);
}

void JournalHandle::prepare(const Config& config) {
  sd_journal* const journal = journal_.get();
  guarded("sd_journal_set_data_threshold",
          [&] { return ::sd_journal_set_data_threshold(journal, 0); });
  for (const std::string& unit : config.journal_units) {
    const std::string match = "_SYSTEMD_UNIT=" + unit;  // several of one field are alternatives
    guarded("sd_journal_add_match",
            [&] { return ::sd_journal_add_match(journal, match.data(), match.size()); });
  }
}

bool JournalHandle::next() {
  return guarded("sd_journal_next", [&] { return ::sd_journal_next(journal_.get()); }) > 0;
}

bool JournalHandle::previous() {
  return guarded("sd_journal_previous", [&] { return ::sd_journal_previous(journal_.get()); }) > 0;
}

void JournalHandle::seek_head() {
  guarded("sd_journal_seek_head", [&] { return ::sd_journal_seek_head(journal_.get()); });
}

void JournalHandle::seek(const std::string& cursor) {
  guarded("sd_journal_seek_cursor",
          [&] { return ::sd_journal_seek_cursor(journal_.get(), cursor.c_str()); });
}

bool JournalHandle::stands_at(const std::string& cursor) {
  return guarded("sd_journal_test_cursor",
                 [&] { return ::sd_journal_test_cursor(journal_.get(), cursor.c_str()); }) > 0;
}

std::string JournalHandle::cursor() {
  std::string cursor;
  guarded("sd_journal_get_cursor", [&] {
    char* text = nullptr;
    const int result = ::sd_journal_get_cursor(journal_.get(), &text);
    if (result >= 0) cursor = text;
    std::free(text);
    return result;
  });
  return cursor;
}

std::string JournalHandle::machine() {
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

std::string JournalHandle::content(const std::string& at, std::size_t max_bytes) {
  sd_journal* const journal = journal_.get();
  std::uint64_t realtime_us = 0;
  std::uint64_t monotonic_us = 0;
  sd_id128_t boot{};
  guarded("sd_journal_get_realtime_usec",
          [&] { return ::sd_journal_get_realtime_usec(journal, &realtime_us); });
  guarded("sd_journal_get_monotonic_usec",
          [&] { return ::sd_journal_get_monotonic_usec(journal, &monotonic_us, &boot); });
  std::string content = "__CURSOR=" + at +
                        "\n__REALTIME_TIMESTAMP=" + std::to_string(realtime_us) +
                        "\n__MONOTONIC_TIMESTAMP=" + std::to_string(monotonic_us) + "\n";
  ::sd_journal_restart_data(journal);
  const void* data = nullptr;
  std::size_t length = 0;
  // What the pointer shows is read under the guard too.
  while (guarded("sd_journal_enumerate_data", [&] {
           const int more = ::sd_journal_enumerate_data(journal, &data, &length);
           if (more > 0 && content.size() + length <= max_bytes) {
             append_field(content, {static_cast<const char*>(data), length});
           } else if (more > 0) {
             content.resize(max_bytes + 1);  // too long: no more of it is kept
           }
           return more;
         }) > 0) {
  }
  if (content.size() > max_bytes) content.clear();
  return content;
}

int JournalHandle::descriptor() {
  return guarded("sd_journal_get_fd", [&] { return ::sd_journal_get_fd(journal_.get()); });
}

void JournalHandle::take_changes() {
  guarded("sd_journal_process", [&] { return ::sd_journal_process(journal_.get()); });
}

}  // namespace stele::daemon
