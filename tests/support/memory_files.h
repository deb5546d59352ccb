// Files in memory: evidence that a test bends a hundred thousand times without touching a disk.
//
// Reading only; what writes throws std::logic_error. Paths are `directory/name` as the readers make
// them. Thread safety: reading from several threads, changing from one. Errors: a missing file
// throws ENOENT as the real one does.
#pragma once

#include <map>
#include <string>

#include "attest/hash.h"
#include "storage/file_system.h"

namespace stele::test {

class MemoryFiles : public storage::FileSystem {
 public:
  // The files of a store: its segments and its journal.
  static MemoryFiles load(const std::string& directory);
  // Writes them below a directory that exists.
  void save(const std::string& directory) const;

  std::map<std::string, attest::Bytes> files;  // by path: "segments/0000000000000000"
  static std::string segment(std::uint64_t number);
  static std::string journal(std::uint64_t number);

  // The directory argument of the readers for these files.
  static constexpr const char* kDirectory = "store";

  std::unique_ptr<storage::File> open(const std::string& path, Open how) override;
  bool exists(const std::string& path) override;
  std::vector<std::string> list(const std::string& directory) override;
  void create_directory(const std::string& path) override;
  void rename(const std::string& from, const std::string& to) override;
  void remove(const std::string& path) override;
  void sync_directory(const std::string& path) override;
  std::unique_ptr<storage::Lock> lock(const std::string& path) override;
};

}  // namespace stele::test
