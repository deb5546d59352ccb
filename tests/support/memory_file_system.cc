#include "tests/support/memory_file_system.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace stele::test {
namespace {

using attest::Bytes;
using storage::ByteView;

constexpr std::uint64_t kSector = 512;

[[noreturn]] void fail(int error, const std::string& call) {
  throw std::system_error(error, std::generic_category(), call);
}

std::string parent(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

void put(Bytes& file, std::uint64_t offset, ByteView bytes) {
  if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

struct MemoryFileSystem::Inode {
  Bytes cache;
  Bytes platter;
};

// One operation that is not durable yet: on a file's bytes, or on the names of a directory.
struct MemoryFileSystem::Waiting {
  enum class What { write, truncate, link, rename, unlink } what;
  InodePointer inode;  // write, truncate, link
  std::uint64_t offset = 0;
  Bytes bytes;
  std::string path;
  std::string from;  // rename

  bool is_on_file() const { return what == What::write || what == What::truncate; }
  std::size_t sectors() const {
    if (what != What::write || bytes.empty()) return 0;
    return static_cast<std::size_t>((offset + bytes.size() - 1) / kSector - offset / kSector + 1);
  }

  void apply_to_bytes(Bytes& file, const Survival& survival) const {
    if (what == What::truncate) {
      if (survival.size) file.resize(offset);
      return;
    }
    if (survival.size && file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
    std::size_t sector = 0;
    for (std::uint64_t at = offset; at < offset + bytes.size(); ++sector) {
      const std::uint64_t end = std::min((at / kSector + 1) * kSector, offset + bytes.size());
      const bool survives = (survival.sectors >> (sector % 64) & 1) != 0;
      for (; at < end; ++at) {
        if (survives && at < file.size()) file[at] = bytes[at - offset];
      }
    }
  }

  void apply_to_names(Names& names) const {
    if (what == What::unlink) names.erase(path);
    if (what == What::link) names[path] = inode;
    if (what == What::rename) {
      names.erase(from);
      names[path] = inode;
    }
  }
};

class MemoryFile : public storage::File {
 public:
  MemoryFile(MemoryFileSystem& files, MemoryFileSystem::InodePointer inode, std::string path,
             bool writable)
      : files_(files), inode_(std::move(inode)), path_(std::move(path)), writable_(writable) {}

  std::size_t read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    std::size_t got = 0;
    files_.perform("read " + path_, [&] {
      const Bytes& bytes = inode_->cache;
      if (offset >= bytes.size()) return;
      got = std::min<std::size_t>(out.size(), bytes.size() - static_cast<std::size_t>(offset));
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), got, out.begin());
    });
    return got;
  }

  void write(std::uint64_t offset, std::span<const ByteView> parts) override {
    Bytes bytes;
    for (const ByteView part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
    const auto do_write = [&](std::size_t count) {
      if (!writable_) fail(EBADF, "write " + path_);
      bytes.resize(count);
      put(inode_->cache, offset, bytes);
      MemoryFileSystem::Waiting waiting{.what = What::write,
                                        .inode = inode_,
                                        .offset = offset,
                                        .bytes = bytes,
                                        .path = {},
                                        .from = {}};
      files_.waiting_.push_back(std::make_shared<MemoryFileSystem::Waiting>(std::move(waiting)));
    };
    const std::size_t all = bytes.size();
    files_.perform(
        "write " + path_, [&] { do_write(all); }, [&] { do_write(all / 2); });
  }

  void truncate(std::uint64_t size) override {
    files_.perform("truncate " + path_, [&] {
      inode_->cache.resize(static_cast<std::size_t>(size));
      MemoryFileSystem::Waiting waiting{.what = What::truncate,
                                        .inode = inode_,
                                        .offset = size,
                                        .bytes = {},
                                        .path = {},
                                        .from = {}};
      files_.waiting_.push_back(std::make_shared<MemoryFileSystem::Waiting>(std::move(waiting)));
    });
  }

  void sync() override {
    const auto do_sync = [&](std::size_t count) {
      for (const auto& waiting : files_.waiting_) {
        if (waiting->inode == inode_ && waiting->is_on_file() && count-- > 0) {
          waiting->apply_to_bytes(inode_->platter, {});
        }
      }
    };
    // Whatever happens, nothing waits any more: pages of a failed sync are clean and lost.
    const auto mine = [&](const auto& waiting) {
      return waiting->inode == inode_ && waiting->is_on_file();
    };
    const auto count = static_cast<std::size_t>(
        std::count_if(files_.waiting_.begin(), files_.waiting_.end(), mine));
    try {
      files_.perform(
          "sync " + path_, [&] { do_sync(count); }, [&] { do_sync(count / 2); });
    } catch (const PowerCut&) {
      throw;  // nobody looked: what waited still waits
    } catch (...) {
      std::erase_if(files_.waiting_, mine);
      throw;
    }
    std::erase_if(files_.waiting_, mine);
  }

  std::uint64_t size() const override {
    std::uint64_t size = 0;
    files_.perform("size " + path_, [&] { size = inode_->cache.size(); });
    return size;
  }

 private:
  using What = MemoryFileSystem::Waiting::What;
  MemoryFileSystem& files_;
  MemoryFileSystem::InodePointer inode_;
  std::string path_;
  bool writable_;
};

MemoryFileSystem::MemoryFileSystem(const std::string& directory)
    : locks_(std::make_shared<std::set<std::string>>()) {
  names_[directory] = durable_names_[directory] = nullptr;
}
MemoryFileSystem::~MemoryFileSystem() = default;

template <class Whole, class Half>
void MemoryFileSystem::perform(const std::string& call, Whole whole, Half half) {
  if (aside_) return whole();
  if (dead_) throw PowerCut{};
  const std::uint64_t number = operations_++;
  calls_.push_back(call);
  const bool strikes = injection_.sticky ? number >= injection_.at : number == injection_.at;
  if (!strikes) return whole();
  injected_ = true;
  if (injection_.failure == Failure::happened) whole();
  if (injection_.failure == Failure::torn) half();
  if (injection_.error != 0) fail(injection_.error, call);
  dead_ = true;
  throw PowerCut{};
}

template <class Whole>
void MemoryFileSystem::perform(const std::string& call, Whole whole) {
  perform(call, whole, [] {});
}

void MemoryFileSystem::release_locks() {
  locks_ = std::make_shared<std::set<std::string>>();
}

void MemoryFileSystem::revive() {
  dead_ = false;
  injected_ = false;
  injection_ = {};
  release_locks();
}

std::vector<std::size_t> MemoryFileSystem::waiting() const {
  std::vector<std::size_t> sectors;
  for (const auto& waiting : waiting_) sectors.push_back(waiting->sectors());
  return sectors;
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::power_loss(
    const std::vector<Survival>& survivals) const {
  auto after = std::make_unique<MemoryFileSystem>();
  Names names = durable_names_;
  std::map<const Inode*, InodePointer> copies;
  const auto copy_of = [&](const InodePointer& inode) {
    InodePointer& copy = copies[inode.get()];
    if (!copy) copy = std::make_shared<Inode>(*inode);
    return copy;
  };
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    const Survival survival = i < survivals.size() ? survivals[i] : Survival{false, 0};
    const Waiting& waiting = *waiting_[i];
    if (waiting.is_on_file()) {
      waiting.apply_to_bytes(copy_of(waiting.inode)->platter, survival);
    } else if (survival.size) {
      waiting.apply_to_names(names);
    }
  }
  for (const auto& [path, inode] : names) {
    // A name whose directory did not survive is not reachable.
    bool reachable = true;
    for (std::string up = parent(path); !up.empty(); up = parent(up))
      reachable = reachable && names.contains(up);
    if (!reachable) continue;
    InodePointer copy = inode ? copy_of(inode) : nullptr;
    if (copy) copy->cache = copy->platter;
    after->names_[path] = copy;
  }
  after->durable_names_ = after->names_;
  return after;
}

void MemoryFileSystem::change_names(Waiting waiting) {
  waiting.apply_to_names(names_);
  waiting_.push_back(std::make_shared<Waiting>(std::move(waiting)));
}

std::unique_ptr<storage::File> MemoryFileSystem::open(const std::string& path, Open how) {
  InodePointer inode;
  perform("open " + path, [&] {
    const auto found = names_.find(path);
    if (how == Open::create_new) {
      if (found != names_.end()) fail(EEXIST, "open " + path);
      if (!names_.contains(parent(path))) fail(ENOENT, "open " + path);
      inode = std::make_shared<Inode>();
      change_names(
          {.what = Waiting::What::link, .inode = inode, .bytes = {}, .path = path, .from = {}});
      return;
    }
    if (found == names_.end()) fail(ENOENT, "open " + path);
    if (!found->second) fail(EISDIR, "open " + path);
    inode = found->second;
  });
  return std::make_unique<MemoryFile>(*this, inode, path, how != Open::read_only);
}

bool MemoryFileSystem::exists(const std::string& path) {
  bool found = false;
  perform("exists " + path, [&] { found = names_.contains(path); });
  return found;
}

std::vector<std::string> MemoryFileSystem::list(const std::string& directory) {
  std::vector<std::string> found;
  perform("list " + directory, [&] {
    if (!names_.contains(directory)) fail(ENOENT, "list " + directory);
    for (const auto& [path, inode] : names_) {
      if (path != directory && parent(path) == directory)
        found.push_back(path.substr(directory.size() + 1));
    }
  });
  return found;  // a map's keys: sorted
}

void MemoryFileSystem::create_directory(const std::string& path) {
  perform("mkdir " + path, [&] {
    if (names_.contains(path)) return;
    change_names(
        {.what = Waiting::What::link, .inode = nullptr, .bytes = {}, .path = path, .from = {}});
  });
}

void MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  perform("rename " + from, [&] {
    const auto found = names_.find(from);
    if (found == names_.end()) fail(ENOENT, "rename " + from);
    change_names({.what = Waiting::What::rename,
                  .inode = found->second,
                  .bytes = {},
                  .path = to,
                  .from = from});
  });
}

void MemoryFileSystem::remove(const std::string& path) {
  perform("remove " + path, [&] {
    if (!names_.contains(path)) fail(ENOENT, "remove " + path);
    change_names(
        {.what = Waiting::What::unlink, .inode = nullptr, .bytes = {}, .path = path, .from = {}});
  });
}

void MemoryFileSystem::sync_directory(const std::string& path) {
  perform("sync_directory " + path, [&] {
    const auto in_it = [&](const auto& waiting) {
      return !waiting->is_on_file() && parent(waiting->path) == path;
    };
    for (const auto& waiting : waiting_) {
      if (in_it(waiting)) waiting->apply_to_names(durable_names_);
    }
    std::erase_if(waiting_, in_it);
  });
}

namespace {

class MemoryLock : public storage::Lock {
 public:
  MemoryLock(std::shared_ptr<std::set<std::string>> held, std::string path)
      : held_(std::move(held)), path_(std::move(path)) {}
  ~MemoryLock() override { held_->erase(path_); }

 private:
  std::shared_ptr<std::set<std::string>> held_;
  std::string path_;
};

}  // namespace

std::unique_ptr<storage::Lock> MemoryFileSystem::lock(const std::string& path) {
  bool taken = false;
  perform("lock " + path, [&] { taken = locks_->insert(path).second; });
  return taken ? std::make_unique<MemoryLock>(locks_, path) : nullptr;
}

}  // namespace stele::test
