#include "tools/stele/log_directory.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>
#include <system_error>

#include "attest/check.h"
#include "attest/entry.h"
#include "attest/failpoint.h"
#include "storage/journal.h"
#include "storage/store.h"
#include "storage/store_reader.h"
#include "tools/stele/command.h"

namespace stele::tools {
namespace {

using storage::posix;

// What a data directory may hold.
const std::set<std::string> kOurs = {"lock",
                                     "secrets",
                                     "secrets.new",
                                     "trust",
                                     "trust.new",
                                     "checkpoint.vkey",
                                     "checkpoint.vkey.new",
                                     "witness.vkey",
                                     "witness.vkey.new",
                                     "cosignatures",
                                     "cosignatures.new",
                                     "cosignatures.unreadable",
                                     "push",
                                     "witnessed",
                                     "journal",
                                     "segments",
                                     "tree",
                                     "boot",
                                     "era",
                                     "era.new",
                                     "era-secrets",
                                     "era-secrets.new",
                                     "ended-secrets",
                                     "ended-secrets.new"};

bool is_ours(const std::string& name) {
  return kOurs.contains(name) || name.starts_with("look-up.");
}

// A segment's name is 16 hex digits; a file that never got its name does not count.
bool has_segment(const std::string& directory) {
  if (!posix().exists(directory)) return false;
  return std::ranges::any_of(posix().list(directory),
                             [](const std::string& name) { return name.size() == 16; });
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

attest::Hash random_bytes() {
  attest::Hash random;
  if (getrandom(random.bytes.data(), random.bytes.size(), 0) !=
      static_cast<ssize_t>(random.bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  return random;
}

std::string read_text_file(const std::string& path) {
  if (!posix().exists(path)) throw CommandError(kNoInput, "there is no " + path);
  const auto file = posix().open(path, storage::FileSystem::Open::read_only);
  std::string text(file->size(), '\0');
  text.resize(file->read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
  return text;
}

std::optional<std::string> read_if_there(const std::string& path) {
  if (!posix().exists(path)) return std::nullopt;
  return read_text_file(path);
}

void write_text_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  if (posix().exists(fresh)) posix().remove(fresh);
  const auto file = posix().open(fresh, storage::FileSystem::Open::create_new);
  const attest::ByteView bytes = attest::view(text);
  file->write(0, std::span(&bytes, 1));
  file->sync();
  FAILPOINT("keep.before_rename");
  posix().rename(fresh, path);
  posix().sync_directory(parent_of(path));
  FAILPOINT("keep.done");
}

LogDirectory::LogDirectory(std::string path) : path_(std::move(path)) {
  look();
}

void LogDirectory::look() {
  if (!posix().exists(path_)) return;
  for (const std::string& name : posix().list(path_)) {
    if (!is_ours(name)) {
      throw CommandError(kCannotCreate, path_ + " holds '" + name +
                                            "', which is none of Stele's files: name an " +
                                            "empty directory, or one that does not exist");
    }
  }
  secrets_ = read_if_there(path_ + "/secrets");
  trust_ = read_if_there(path_ + "/trust");
  read_journal();
  const bool holds_log = storage::looks_like_store(posix(), path_);
  if ((holds_log || trust_) && (!genesis_ || !secrets_)) {
    throw CommandError(kConfiguration,
                       path_ + " holds a log, but its " + (secrets_ ? "journal" : "secrets") +
                           " cannot be found: restore it, or name an empty directory");
  }
}

bool LogDirectory::is_complete() const {
  return secrets_ && genesis_ && genesis_receipt_ && trust_;
}

void LogDirectory::read_journal() {
  if (!posix().exists(path_ + "/journal")) return;
  storage::EntryReader reader(posix(), path_);
  // Of the newest era: its genesis, and the receipt right after it.
  std::uint64_t begun = 0;
  while (auto entry = reader.next()) {
    if (entry->kind == static_cast<std::uint8_t>(attest::EntryKind::genesis)) {
      genesis_ = std::move(entry->payload);
      genesis_receipt_.reset();
      begun = entry->number;
    } else if (entry->number == 0) {
      return;
    } else if (entry->number == begun + 1 &&
               entry->kind == static_cast<std::uint8_t>(attest::EntryKind::receipt)) {
      genesis_receipt_ = std::move(entry->payload);
    }
  }
}

bool LogDirectory::lock() {
  if (!posix().exists(path_)) {
    posix().create_directory(path_);
    posix().sync_directory(parent_of(path_));
  }
  lock_ = posix().lock(path_ + "/lock");
  if (!lock_) return false;
  look();
  return true;
}

void LogDirectory::keep_secrets(const std::string& text) {
  write_text_file(path_ + "/secrets", text);
  secrets_ = text;
}

void LogDirectory::keep_genesis(const attest::Bytes& encoded) {
  const auto genesis = attest::decode_genesis(encoded);
  ENSURE(genesis);
  if (!genesis_) {
    storage::Journal::create(posix(), path_, attest::log_id(encoded), encoded);
    genesis_ = encoded;
  }
  // An attempt may have ended between the two.
  if (!has_segment(path_ + "/segments")) make_store(*genesis, encoded);
}

void LogDirectory::make_store(const attest::Genesis& genesis, const attest::Bytes& encoded) {
  storage::NewRecord record;
  record.kind = attest::Kind::genesis;
  record.time_ns = genesis.created_ns;
  record.salt = random_bytes();
  record.bytes = encoded;
  storage::Store::create(posix(), path_, attest::log_id(encoded), genesis.era, record);
}

void LogDirectory::keep_genesis_receipt(const attest::Bytes& receipt) {
  storage::Journal journal = storage::Journal::open(posix(), path_, {}, [](auto, auto, auto) {});
  ENSURE(journal.entries() == 1);
  journal.append(attest::EntryKind::receipt, receipt);
  genesis_receipt_ = receipt;
}

void LogDirectory::keep_trust(const std::string& text) {
  write_text_file(path_ + "/trust", text);
  trust_ = text;
}

void LogDirectory::keep_access(const std::string& text) {
  storage::Store store = storage::Store::open(posix(), path_, {});
  storage::NewRecord record;
  record.kind = attest::Kind::access;
  record.time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  record.salt = random_bytes();
  record.bytes = attest::view(text);
  store.append(std::span(&record, 1));
}

void LogDirectory::keep_verifier_key(const std::string& name, const std::string& verifier_key) {
  const std::string path = path_ + "/" + name;
  if (read_if_there(path) != verifier_key) write_text_file(path, verifier_key);
}

void LogDirectory::purge() {
  ENSURE(lock_ != nullptr);
  // The secrets go last: with them an interrupted removal can be taken up again.
  for (const std::string& name : posix().list(path_)) {
    if (is_ours(name) && name != "secrets" && name != "lock")
      std::filesystem::remove_all(path_ + "/" + name);
  }
  std::filesystem::remove(path_ + "/secrets");
  lock_.reset();
  std::filesystem::remove(path_ + "/lock");
  std::error_code not_empty;
  std::filesystem::remove(path_, not_empty);
}

}  // namespace stele::tools
