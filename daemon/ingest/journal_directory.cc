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
  renumbered_ = mark_vanished();
}

// A file that is renamed under a listing may be missed by it: what changed meanwhile is listed anew.
void JournalDirectory::look() {
  take_changes();
  unsigned tries = 0;
  do {
    listed_.clear();
    const Held before = held();
    folders_.list([&](const std::string& folder, const std::string& name, const FileId& id,
                      const FileLook& look) { look_at(folder, name, id, look, before); });
  } while (take_changes() && ++tries < kMaxListings);
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
    if (file->is_open()) {
      file->path = path;
      file->look = look;
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
  counter.newest = std::max(counter.newest, positions_.newest_of(header->numbering));
  const std::uint64_t unread = positions_.unread_from(header->numbering, header->oldest);
  if (will_not_grow(*header, name) && (header->oldest == 0 || unread > header->newest)) {
    left_alone_[id] = {look, header->numbering};
    return;
  }
  if (counter.newest == 0) {
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
  if (there.contains("") || !folders_.all_read()) return false;  // whose, nobody can say
  for (const auto& [numbering, known] : positions_.all()) {
    if (!known.gone && !there.contains(numbering)) vanished_.push_back(numbering);
  }
  if (there.empty() && !vanished_.empty()) {
    throw std::system_error(ENOENT, std::generic_category(),
                            config_.journal_directory + " has no journal file, and the log has "
                            "entries of some: is it mounted?");
  }
  for (const std::string& numbering : vanished_) positions_.set_gone(numbering);
  return !vanished_.empty();
}

void JournalDirectory::forget_gone() {
  const auto there = present();
  if (there.contains("") || !folders_.all_read()) return;
  const JournalPositions::All known = positions_.all();
  for (const auto& [numbering, spans] : known) {
    if (!there.contains(numbering)) positions_.forget(numbering);
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
      const JournalHeader& header = file->header;
      if (header.newest == counter.newest + 1) {
        // A number that its writer took for an entry, which then went to the next file, is no loss.
        counter.newest = header.newest;
        positions_.see(header.numbering, header.newest);
      }
      left_alone_[file->id] = {file->look, header.numbering};
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

// What was gone before anything of the counter was read is not missing; what lies beyond is, but of
// a numbering that vanished, which nobody can say of any counter at the start.
std::uint64_t JournalDirectory::missing_before(const Counter& counter, std::uint64_t number) const {
  if (counter.newest == 0 || !config_.journal_units.empty()) return 0;
  std::uint64_t known = counter.newest;
  for (const auto& [numbering, first] : counter.oldest) known = std::max(known, first);
  if (number <= known || number - known == 1) return 0;
  const bool may_be_of_vanished = std::ranges::any_of(vanished_, [&](const std::string& numbering) {
    return positions_.last_before(numbering, number) > known;
  });
  return !counter.goes_on && may_be_of_vanished ? 0 : number - known - 1;
}

// Since what fills a hole may be on its way.
bool JournalDirectory::stands_still(Counter& counter) const {
  const Time now = std::chrono::steady_clock::now();
  if (!counter.hole_since) counter.hole_since = now;
  return now - changed_at_ >= kStill || now - *counter.hole_since >= kMaxStill;
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
      unread = std::max(unread, positions_.unread_from(one, from));
    }
    if (unread == from) return true;
    from = unread;
  }
  return false;
}

bool JournalDirectory::read(Counter& counter, JournalEntry& entry) {
  for (bool looked = false;;) {
    JournalFile* const file = open_smallest(counter);
    if (file == nullptr) return false;
    const std::uint64_t number = file->next(positions_);
    const std::uint64_t lost = missing_before(counter, number);
    if (lost > 0) {
      if (!stands_still(counter)) return false;
      if (!std::exchange(looked, true)) {
        for (JournalFile& other : counter.files) other.look_again();
        look();
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
    counter.hole_since.reset();
    entry.lost = lost;
    entry.renumbered = std::exchange(renumbered_, false);
    entry.begins = begins(counter, file->header.numbering, number);
    positions_.see(file->header.numbering, number, entry.begins);
    if (number > counter.newest) counter.goes_on = true;
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
  pollfd both[] = {{folders_.descriptor(), POLLIN, 0}, {wake, POLLIN, 0}};
  ::poll(both, 2, static_cast<int>(limit.count()));
  refresh();
}

}  // namespace stele::daemon
