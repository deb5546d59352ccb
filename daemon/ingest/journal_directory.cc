#include "daemon/ingest/journal_directory.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "daemon/log.h"

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kLook = 10s;    // at the directory, also where nothing is told of it
constexpr std::size_t kTurn = 64;              // entries of a counter before the next one's
constexpr std::size_t kRefresh = 512;          // entries before files at their end are tried again
constexpr std::size_t kMaxPositions = 4 * kMaxNumberings;  // kept of files that went meanwhile
constexpr unsigned kMaxListings = 8;           // at one look, of a directory that does not stand still
constexpr unsigned kMaxUnlisted = 6;           // looks: a removed file that its writer goes on with

// A machine's, or of one of its namespaces, as journald names them.
bool is_machine_folder(const std::string& name) {
  constexpr std::size_t kIdLength = 32;
  return name.size() >= kIdLength && (name.size() == kIdLength || name[kIdLength] == '.') &&
         name.find_first_not_of("0123456789abcdef") >= kIdLength;
}

std::int64_t changed_ns(const struct stat& status) {
  return status.st_ctim.tv_sec * std::int64_t{1'000'000'000} + status.st_ctim.tv_nsec;
}

// Not of one file: another would meet it as well.
bool is_for_all(const std::system_error& error) {
  return error.code().value() == EMFILE || error.code().value() == ENFILE;
}

void tell_refused(const std::string& path, const std::system_error& why) {
  log(Priority::warning, "the journal file " + path + " cannot be read on: " + why.what() +
                             "; the others are, and this one again when it changes");
}

}  // namespace

// What was gone before anything of the counter was read is not missing.
std::uint64_t JournalDirectory::Counter::missing_before(std::uint64_t number) const {
  if (newest == 0) return 0;
  std::uint64_t known = newest;
  for (const auto& [numbering, first] : oldest) known = std::max(known, first);
  return number > known ? number - known - 1 : 0;
}

JournalDirectory::JournalDirectory(const Config& config, JournalPositions& positions)
    : config_(config),
      positions_(positions),
      changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  if (changes_ < 0) throw std::system_error(errno, std::generic_category(), "inotify");
  try {
    look();
    renumbered_ = forget_vanished();
  } catch (...) {
    ::close(changes_);
    throw;
  }
}

JournalDirectory::~JournalDirectory() {
  ::close(changes_);
}

// A file that is renamed under a listing may be missed by it: what changed meanwhile is listed anew.
void JournalDirectory::look() {
  take_changes();
  unsigned tries = 0;
  do {
    list();
  } while (take_changes() && ++tries < kMaxListings);
  drop_unlisted();
  if (present().size() > kMaxNumberings) {
    throw std::system_error(E2BIG, std::generic_category(),
                            config_.journal_directory + " has files of more than " +
                                std::to_string(kMaxNumberings) + " numberings");
  }
  if (positions_.all().size() > kMaxPositions) forget_vanished();  // while we looked: no gap
  looked_at_ = std::chrono::steady_clock::now();
}

void JournalDirectory::list() {
  listed_.clear();
  look_into(config_.journal_directory);
  for (const auto& entry : std::filesystem::directory_iterator(config_.journal_directory)) {
    std::error_code gone;
    if (entry.is_directory(gone) && is_machine_folder(entry.path().filename())) {
      look_into(entry.path());
    }
  }
}

void JournalDirectory::look_into(const std::string& folder) {
  watch(folder);  // before the look: what comes after it is told
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".journal") || name.ends_with(".journal~")) look_at(folder, name);
  }
}

void JournalDirectory::look_at(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  const FileId id = file_id(status);
  listed_.insert(id);
  if (done_.contains(id)) return;
  const auto refused = refused_.find(id);
  if (refused != refused_.end()) {
    const Refused& as = refused->second;
    if (as.bytes == status.st_size && as.changed_ns == changed_ns(status)) return;
    refused_.erase(refused);
  }
  if (is_held(id, path)) return;
  std::optional<JournalHeader> header;
  try {
    const Descriptor descriptor(path);
    if (descriptor.value >= 0) header = read_journal_header(descriptor);
  } catch (const std::system_error& error) {
    if (is_for_all(error)) throw;
    refused_[id] = {status.st_size, changed_ns(status), {}};
    tell_refused(path, error);
  }
  if (!header) return;  // its writer is not that far, or it is none: looked at again and again
  const std::uint64_t known = positions_.of(header->numbering);
  Counter& counter = counters_[is_journald_name(name) ? folder : header->numbering];
  counter.newest = std::max(counter.newest, known);
  if ((header->archived || name.ends_with('~')) && header->newest <= known) {
    done_.emplace(id, header->numbering);
    return;
  }
  if (counter.newest == 0) {
    const auto first = counter.oldest.emplace(header->numbering, header->oldest).first;
    first->second = std::min(first->second, header->oldest);
  }
  counter.files.emplace_back(path, id, std::move(*header));
}

bool JournalDirectory::is_held(const FileId& id, const std::string& path) {
  for (auto& [key, counter] : counters_) {
    for (JournalFile& file : counter.files) {
      if (file.id != id) continue;
      file.path = path;
      return true;
    }
  }
  return false;
}

void JournalDirectory::watch(const std::string& folder) {
  constexpr std::uint32_t kWhat =
      IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY | IN_ONLYDIR;
  if (::inotify_add_watch(changes_, folder.c_str(), kWhat) < 0) {
    throw std::system_error(errno, std::generic_category(), "watching " + folder);
  }
}

// Whether files came or went.
bool JournalDirectory::take_changes() {
  bool came_or_went = false;
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (ssize_t length; (length = ::read(changes_, buffer.data(), buffer.size())) > 0;) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
      const auto* const event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      if ((event->mask & ~static_cast<std::uint32_t>(IN_MODIFY)) != 0) came_or_went = true;
      at += sizeof *event + event->len;
    }
  }
  return came_or_went;
}

void JournalDirectory::refresh() {
  turns_ = 0;
  for (auto& [key, counter] : counters_) {
    for (JournalFile& file : counter.files) file.look_again();
  }
  if (take_changes() || std::chrono::steady_clock::now() - looked_at_ >= kLook) look();
}

void JournalDirectory::drop_unlisted() {
  for (auto& [key, counter] : counters_) {
    counter.files.remove_if([&](JournalFile& file) {
      if (listed_.contains(file.id)) {
        file.unlisted = 0;
        return false;
      }
      if (!file.is_open()) return true;  // too late for it: the next number tells how many
      return file.is_at_end() && ++file.unlisted > kMaxUnlisted;
    });
  }
  std::erase_if(done_, [&](const auto& one) { return !listed_.contains(one.first); });
  std::erase_if(refused_, [&](const auto& one) { return !listed_.contains(one.first); });
}

std::set<std::string, std::less<>> JournalDirectory::present() const {
  std::set<std::string, std::less<>> out;
  for (const auto& [id, numbering] : done_) out.insert(numbering);
  for (const auto& [id, refused] : refused_) out.insert(refused.numbering);
  for (const auto& [key, counter] : counters_) {
    for (const JournalFile& file : counter.files) out.insert(file.header.numbering);
  }
  return out;
}

// A numbering whose files all went while nobody looked: nobody can say what else it had.
bool JournalDirectory::forget_vanished() {
  const auto there = present();
  if (there.contains("")) return false;  // a file that may not be read: whose, it does not say
  const JournalPositions::Newest known = positions_.all();
  for (const auto& [numbering, number] : known) {
    if (there.contains(numbering)) continue;
    positions_.forget(numbering);
  }
  return positions_.all().size() < known.size();
}

void JournalDirectory::check_open() const {
  std::size_t open = 0;
  for (const auto& [key, counter] : counters_) {
    for (const JournalFile& file : counter.files) open += file.is_open() ? 1 : 0;
  }
  if (open < kMaxOpenJournals) return;
  throw std::system_error(EMFILE, std::generic_category(),
                          "more than " + std::to_string(kMaxOpenJournals) +
                              " files are written in " + config_.journal_directory);
}

void JournalDirectory::refuse(const JournalFile& file, const std::system_error& why) {
  struct stat status {};
  if (::stat(file.path.c_str(), &status) == 0 && file_id(status) == file.id) {
    refused_[file.id] = {status.st_size, changed_ns(status), file.header.numbering};
  }
  tell_refused(file.path, why);
}

JournalFile* JournalDirectory::smallest(Counter& counter) {
  JournalFile* best = nullptr;
  std::uint64_t least = 0;
  for (auto file = counter.files.begin(); file != counter.files.end();) {
    std::uint64_t number = 0;
    try {
      number = file->next(positions_.of(file->header.numbering));
    } catch (const std::system_error& error) {
      refuse(*file, error);
      file = counter.files.erase(file);
      continue;
    }
    if (file->is_done()) {
      // A number that its writer took for an entry, which then went to the next file, is no loss.
      if (file->header.newest == counter.newest + 1) counter.newest = file->header.newest;
      done_.emplace(file->id, file->header.numbering);
      file = counter.files.erase(file);
      continue;
    }
    if (number != 0 && (best == nullptr || number < least)) {
      best = &*file;
      least = number;
    }
    ++file;
  }
  return best;
}

JournalFile* JournalDirectory::open_smallest(Counter& counter) {
  while (JournalFile* const file = smallest(counter)) {
    if (file->is_open()) return file;
    check_open();
    try {
      if (file->open(config_, positions_.of(file->header.numbering))) continue;
    } catch (const std::system_error& error) {
      if (is_for_all(error)) throw;
      refuse(*file, error);
    }
    counter.files.remove_if([&](const JournalFile& one) { return &one == file; });
    looked_at_ = {};  // what has its name now is found by the next look
  }
  return nullptr;
}

bool JournalDirectory::read(Counter& counter, JournalEntry& entry) {
  for (bool looked = false;;) {
    JournalFile* const file = open_smallest(counter);
    if (file == nullptr) return false;
    const std::uint64_t number = file->next(positions_.of(file->header.numbering));
    const std::uint64_t lost =
        config_.journal_units.empty() ? counter.missing_before(number) : 0;
    if (lost > 0 && !std::exchange(looked, true)) {
      for (JournalFile& other : counter.files) other.look_again();
      look();
      continue;
    }
    entry = {};
    entry.cursor = file->cursor();
    try {
      entry.content = file->content(config_.max_event_bytes);
    } catch (const std::system_error& error) {
      refuse(*file, error);
      counter.files.remove_if([&](const JournalFile& one) { return &one == file; });
      continue;
    }
    entry.lost = lost;
    entry.renumbered = std::exchange(renumbered_, false);
    file->take();
    positions_.see(file->header.numbering, number);
    counter.newest = std::max(counter.newest, number);
    return true;
  }
}

bool JournalDirectory::read(JournalEntry& entry) {
  if (++turns_ % kRefresh == 0) refresh();
  if (turns_ % kTurn == 0) turn_ += '\0';  // the one after it
  auto at = counters_.lower_bound(turn_);
  for (std::size_t tried = 0; tried < counters_.size(); ++tried, ++at) {
    if (at == counters_.end()) at = counters_.begin();
    if (!read(at->second, entry)) continue;
    turn_ = at->first;
    return true;
  }
  return false;
}

void JournalDirectory::wait(int wake, std::chrono::milliseconds limit) {
  pollfd both[] = {{changes_, POLLIN, 0}, {wake, POLLIN, 0}};
  ::poll(both, 2, static_cast<int>(limit.count()));
  refresh();
}

}  // namespace stele::daemon
