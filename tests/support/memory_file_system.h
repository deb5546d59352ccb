// A file system in memory that counts operations, fails the n-th in a chosen way, and loses power.
//
// Model: each file has the bytes that processes see (page cache) and those on the platter; write
// and truncate wait in a list until sync() applies it, names until sync_directory(). Losing power
// keeps, drops or tears (at 512 bytes) each waiting operation as the test says. A failed sync drops
// what waited while the cache still shows it, and a later sync will not bring it back: as Linux
// does.
// Thread safety: one thread. Errors: as FileSystem; PowerCut when the machine or process "dies".
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "attest/hash.h"
#include "storage/file_system.h"

namespace stele::test {

// Thrown where the process dies; every later operation throws it too, until revive().
struct PowerCut {};

enum class Failure {
  failed,    // nothing was done
  happened,  // all was done, and yet
  torn,      // of a write or sync the first half was done; else as failed
};

struct Injection {
  std::uint64_t at = std::numeric_limits<std::uint64_t>::max();  // the operation's number, from 0
  Failure failure = Failure::failed;
  int error = 0;        // errno to throw; 0: PowerCut
  bool sticky = false;  // every operation from there on
};

// What is left of one waiting operation. A write: its size change, and those of its sectors (512
// bytes, aligned) whose bit is set, the 65th like the first; any other operation: all or nothing
// (`size`).
struct Survival {
  bool size = true;
  std::uint64_t sectors = ~std::uint64_t{0};
};

class MemoryFileSystem : public storage::FileSystem {
 public:
  // With one empty, durable directory.
  explicit MemoryFileSystem(const std::string& directory = "/log");
  ~MemoryFileSystem() override;

  void inject(const Injection& injection) { injection_ = injection; }
  bool injected() const { return injected_; }  // the injection has struck
  bool dead() const { return dead_; }
  void release_locks();  // as the end of their process does
  void revive();         // a new process on the same cache; no injection any more
  std::uint64_t operations() const { return operations_; }
  // While it lives, somebody else looks: operations neither count nor fail, on a dead one neither.
  class Aside {
   public:
    explicit Aside(MemoryFileSystem& files) : files_(files), before_(files.aside_) {
      files_.aside_ = true;
    }
    ~Aside() { files_.aside_ = before_; }
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;

   private:
    MemoryFileSystem& files_;
    bool before_;
  };
  // The calls so far: "write /log/segments/…", for messages and for choosing operations by kind.
  const std::vector<std::string>& calls() const { return calls_; }

  // How many operations wait, and over how many sectors each goes (0: not a write).
  std::vector<std::size_t> waiting() const;
  // The machine after losing power now; survivals by the order of waiting(); missing ones: dropped.
  std::unique_ptr<MemoryFileSystem> power_loss(const std::vector<Survival>& survivals) const;

  std::unique_ptr<storage::File> open(const std::string& path, Open how) override;
  bool exists(const std::string& path) override;
  std::vector<std::string> list(const std::string& directory) override;
  void create_directory(const std::string& path) override;
  void rename(const std::string& from, const std::string& to) override;
  void remove(const std::string& path) override;
  void sync_directory(const std::string& path) override;
  std::unique_ptr<storage::Lock> lock(const std::string& path) override;

 private:
  friend class MemoryFile;
  struct Inode;
  struct Waiting;
  using InodePointer = std::shared_ptr<Inode>;
  using Names = std::map<std::string, InodePointer>;  // a directory: a null Inode

  // Does one operation, or fails as injected. `half` does the first half of it.
  template <class Whole, class Half>
  void perform(const std::string& call, Whole whole, Half half);
  template <class Whole>
  void perform(const std::string& call, Whole whole);
  void change_names(Waiting waiting);

  Names names_;
  Names durable_names_;
  std::vector<std::shared_ptr<Waiting>> waiting_;  // of all files and directories, in order
  std::shared_ptr<std::set<std::string>> locks_;
  Injection injection_;
  bool injected_ = false;
  bool dead_ = false;
  bool aside_ = false;
  std::uint64_t operations_ = 0;
  std::vector<std::string> calls_;
};

}  // namespace stele::test
