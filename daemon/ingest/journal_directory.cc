#include "daemon/ingest/journal_directory.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "daemon/log.h"

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kLook = 10s;    // at the directory, also where nothing is told of it
constexpr std::chrono::seconds kStill = 2s;    // nothing comes or goes: a hole is one
constexpr std::chrono::seconds kMaxStill = 60s;  // also in a directory that never stands still
constexpr std::size_t kTurn = 64;              // entries of a counter before the next one's
constexpr std::size_t kRefresh = 512;          // entries before files at their end are tried again
constexpr std::size_t kMaxPositions = 4 * kMaxNumberings;  // kept, also of files that went
constexpr unsigned kMaxListings = 8;           // at one look, of a directory that does not stand still
constexpr unsigned kMaxUnlisted = 6;           // looks: a removed file that its writer goes on with

// Not of one file: another would meet it as well.
bool is_for_all(const std::system_error& error) {
  return error.code().value() == EMFILE || error.code().value() == ENFILE;
}

void tell_refused(const std::string& path, const std::system_error& why) {
  log(Priority::warning, "the journal file " + path + " cannot be read on: " + why.what() +
                             "; the others are, and this one again when it changes");
}

bool will_not_grow(const JournalHeader& header, const std::string& name) {
  return header.archived || name.ends_with('~');
}

}  // namespace

JournalDirectory::JournalDirectory(const Config& config, JournalPositions& positions)
    : config_(config), positions_(positions), folders_(config.journal_directory) {
  changed_at_ = std::chrono::steady_clock::now();
  look();
  for (auto& [key, counter] : counters_) {
    if (is_begun(counter)) counter.oldest.clear();  // of whichever was listed first
  }
  renumbered_ = mark_vanished();
}

// A file that is renamed under a listing may be missed by it: what changed meanwhile is listed anew.
void JournalDirectory::look() {
  take_changes();
  const std::set<FileId> before = listed_;
  unsigned tries = 0;
  do {
    listed_.clear();
    const Held now = held();
    folders_.list([&](const std::string& folder, const std::string& name, const FileId& id,
                      const FileLook& look) { look_at(folder, name, id, look, now); });
  } while (take_changes() && ++tries < kMaxListings);
  if (listed_ != before) changed_at_ = std::chrono::steady_clock::now();  // also where none is told
  drop_unlisted();
  if (present().size() > kMaxNumberings) {
    throw std::system_error(E2BIG, std::generic_category(),
                            config_.journal_directory + " has files of more than " +
                                std::to_string(kMaxNumberings) + " numberings");
  }
  if (positions_.all().size() > kMaxPositions) forget_gone();
  looked_at_ = std::chrono::steady_clock::now();
}

JournalDirectory::Held JournalDirectory::held() {
  Held out;
  for (auto& [key, counter] : counters_) {
    for (auto file = counter.files.begin(); file != counter.files.end(); ++file) {
      out.emplace(file->id, std::pair{&counter, file});
    }
  }
  return out;
}

void JournalDirectory::look_at(const std::string& folder, const std::string& name, const FileId& id,
                               const FileLook& look, const Held& held) {
  const std::string path = folder + "/" + name;
  if (!listed_.insert(id).second) return;  // under a second name
  if (const auto left = left_alone_.find(id); left != left_alone_.end()) {
    if (left->second.look == look) return;
    left_alone_.erase(left);
  }
  if (const auto found = held.find(id); found != held.end()) {
    const auto [counter, file] = found->second;
    if (file->is_open() && !file->is_stuck(positions_, look, !config_.journal_units.empty())) {
      file->path = path;
      return;
    }
    counter->files.erase(file);  // what has its id now is looked at anew
  }
  std::optional<JournalHeader> header;
  try {
    const Descriptor descriptor(path);
    if (descriptor.value >= 0) header = read_journal_header(descriptor);
  } catch (const std::system_error& error) {
    if (is_for_all(error)) throw;
    left_alone_[id] = {look, {}};
    tell_refused(path, error);
  }
  if (!header) return;  // its writer is not that far, or it is none: looked at again and again
  Counter& counter = counters_[is_journald_name(name) ? folder : header->numbering];
  counter.numberings.insert(header->numbering);
  const std::uint64_t unread = positions_.unread_from(header->numbering, header->oldest);
  if (will_not_grow(*header, name) && (header->oldest == 0 || unread > header->newest)) {
    left_alone_[id] = {look, header->numbering};
    return;
  }
  if (!is_begun(counter)) {
    const auto first = counter.oldest.emplace(header->numbering, header->oldest).first;
    first->second = std::min(first->second, header->oldest);
  }
  counter.files.emplace_back(folder, path, id, look, std::move(*header));
}

bool JournalDirectory::take_changes() {
  const bool came_or_went = folders_.take_changes();
  if (came_or_went) changed_at_ = std::chrono::steady_clock::now();
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
      if (listed_.contains(file.id)) file.unlisted = 0;
      if (listed_.contains(file.id) || folders_.is_unread(file.folder)) return false;
      if (!file.is_open()) return true;  // too late for it: the next number tells how many
      return file.is_at_end() && ++file.unlisted > kMaxUnlisted;
    });
  }
  std::erase_if(left_alone_, [&](const auto& one) { return !listed_.contains(one.first); });
}

std::set<std::string, std::less<>> JournalDirectory::present() const {
  std::set<std::string, std::less<>> out;
  for (const auto& [id, left] : left_alone_) out.insert(left.numbering);
  for (const auto& [key, counter] : counters_) {
    for (const JournalFile& file : counter.files) out.insert(file.header.numbering);
  }
  return out;
}

// A numbering whose files all went while nobody looked: nobody can say what else it had. Its
// positions stay, since it may come back.
bool JournalDirectory::mark_vanished() {
  const auto there = present();
  bool any = false;
  for (const auto& [numbering, known] : positions_.all()) {
    if (there.contains(numbering)) continue;
    absent_.push_back(numbering);
    any = any || !known.gone;
  }
  if (there.contains("") || !folders_.all_read()) return false;  // whose, nobody can say
  if (there.empty() && any) {
    throw std::system_error(ENOENT, std::generic_category(),
                            config_.journal_directory + " has no journal file, and the log has "
                            "entries of some: is it mounted?");
  }
  for (const std::string& numbering : absent_) positions_.set_gone(numbering);
  return any;
}

void JournalDirectory::forget_gone() {
  const auto there = present();
  if (there.empty()) return;  // a mount may be late
  const bool sure = !there.contains("") && folders_.all_read();
  const JournalPositions::All known = positions_.all();
  for (const auto& [numbering, spans] : known) {
    if (!there.contains(numbering) && (sure || spans.gone)) positions_.forget(numbering);
  }
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
  left_alone_[file.id] = {file.look, file.header.numbering};
  tell_refused(file.path, why);
}

// Of an archived file that is read to its end.
void JournalDirectory::note_end(Counter& counter, const JournalFile& file) const {
  const std::string& numbering = file.header.numbering;
  const std::uint64_t last = file.header.newest;
  if (!config_.journal_units.empty() || !positions_.is_unread(numbering, last)) return;
  // A number that its writer took for an entry, which then went to the next file, is no loss.
  if (newest_beside(counter, numbering, last) + 1 == last) counter.passed = last;
  if (positions_.last_before(numbering, last) + 1 == last) return;
  tell_refused(file.path, std::system_error(EBADMSG, std::generic_category(),
                                            "it ends before its last entry"));
}

JournalFile* JournalDirectory::smallest(Counter& counter) {
  JournalFile* best = nullptr;
  std::uint64_t least = 0;
  for (auto file = counter.files.begin(); file != counter.files.end();) {
    std::uint64_t number = 0;
    try {
      number = file->next(positions_);
    } catch (const std::system_error& error) {
      refuse(*file, error);
      file = counter.files.erase(file);
      continue;
    }
    if (file->is_done()) {
      note_end(counter, *file);
      left_alone_[file->id] = {file->look, file->header.numbering};
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
      if (file->open(config_, positions_)) continue;
    } catch (const std::system_error& error) {
      if (is_for_all(error)) throw;
      refuse(*file, error);
    }
    counter.files.remove_if([&](const JournalFile& one) { return &one == file; });
    looked_at_ = {};  // what has its name now is found by the next look
  }
  return nullptr;
}

bool JournalDirectory::is_begun(const Counter& counter) const {
  return std::ranges::any_of(counter.numberings, [&](const std::string& numbering) {
    return positions_.newest_of(numbering) != 0;
  });
}

// Whether both count with one counter. Not where one has had a number that is new of the other: a
// journal that was begun anew in its folder counts anew.
bool JournalDirectory::shares(const Counter& counter, const std::string& one,
                              const std::string& numbering, std::uint64_t number) const {
  return one == numbering || (positions_.is_unread(one, number) &&
                              !counter.apart.contains(std::minmax(one, numbering)));
}

// The newest that is read of all that share the counter.
std::uint64_t JournalDirectory::newest_beside(const Counter& counter, const std::string& numbering,
                                              std::uint64_t number) const {
  std::uint64_t newest = 0;
  for (const std::string& one : counter.numberings) {
    if (shares(counter, one, numbering, number)) {
      newest = std::max(newest, positions_.newest_of(one));
    }
  }
  return counter.passed == newest + 1 ? counter.passed : newest;
}

// What was gone before anything of the counter was read is not missing; nor, at the start, what may
// have been of a numbering that is gone.
std::uint64_t JournalDirectory::missing_before(const Counter& counter, const std::string& numbering,
                                               std::uint64_t number) const {
  if (!config_.journal_units.empty()) return 0;
  std::uint64_t known = newest_beside(counter, numbering, number);
  if (known == 0) return 0;
  for (const auto& [one, first] : counter.oldest) known = std::max(known, first);
  if (!counter.goes_on) {
    for (const std::string& one : absent_) {
      const std::uint64_t last = positions_.newest_of(one);
      if (last < number) known = std::max(known, last);
    }
  }
  return number > known ? number - known - 1 : 0;
}

// Since what fills a hole may be on its way; it is waited for once in a file.
bool JournalDirectory::stands_still(JournalFile& file) const {
  const Time now = std::chrono::steady_clock::now();
  if (!file.hole_since) file.hole_since = now;
  if (now - changed_at_ >= kStill || now - *file.hole_since >= kMaxStill) file.waited = true;
  return file.waited;
}

// What changes meanwhile is waited for anew.
void JournalDirectory::look_for_more(Counter& counter) {
  const Time before = changed_at_;
  for (JournalFile& file : counter.files) file.look_again();
  look();
  if (changed_at_ == before) return;
  for (JournalFile& file : counter.files) file.waited = false;
}

// Whether a number before it may come yet: it lies in no span of any that share the counter. With
// units nobody can say.
bool JournalDirectory::begins(const Counter& counter, const std::string& numbering,
                              std::uint64_t number) const {
  if (!config_.journal_units.empty()) return false;
  std::uint64_t from = positions_.last_before(numbering, number) + 1;
  while (from != 1 && from < number) {
    std::uint64_t unread = from;
    for (const std::string& one : counter.numberings) {
      if (!shares(counter, one, numbering, number)) continue;
      unread = std::max(unread, positions_.unread_from(one, from));
    }
    if (unread == from) return true;
    from = unread;
  }
  return false;
}

void JournalDirectory::note_read(Counter& counter, const std::string& numbering,
                                 std::uint64_t number, bool begins) {
  if (number > newest_beside(counter, numbering, number)) counter.goes_on = true;
  for (const std::string& one : counter.numberings) {
    if (one == numbering || positions_.is_unread(one, number)) continue;
    counter.apart.insert(std::minmax(one, numbering));
  }
  positions_.see(numbering, number, begins);
}

bool JournalDirectory::read(Counter& counter, JournalEntry& entry) {
  for (bool looked = false;;) {
    JournalFile* const file = open_smallest(counter);
    if (file == nullptr) return false;
    const std::uint64_t number = file->next(positions_);
    const std::string& numbering = file->header.numbering;
    const std::uint64_t lost = missing_before(counter, numbering, number);
    if (lost == 0) file->hole_since.reset();
    if (lost > 0) {
      if (!stands_still(*file)) return false;
      if (!std::exchange(looked, true)) {
        look_for_more(counter);
        continue;
      }
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
    entry.begins = begins(counter, numbering, number);
    note_read(counter, numbering, number, entry.begins);
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
  pollfd both[] = {{folders_.descriptor(), POLLIN, 0}, {wake, POLLIN, 0}};
  ::poll(both, 2, static_cast<int>(limit.count()));
  refresh();
}

}  // namespace stele::daemon
