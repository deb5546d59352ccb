// HashLevels: the roots of complete subtrees of 2^8, 2^16, … leaves, kept in tree/08, tree/16, …
//
// Each file is a flat array of 32-byte hashes in order, so any tile of the tree is one slice. Lower
// levels follow from the leaves (50 bytes each, one hash) and are not kept. Derived: a file that is
// short, missing or wrong costs time, never the log; failing writes keep the nodes in memory.
// Thread safety: add(), flush(), sync() from one thread, read() from any.
// Blocks: file I/O. Errors: read() throws std::system_error; flush() and sync() never throw it.
// Durability: none promised; sync() when a segment is sealed keeps recovery short.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "attest/merkle.h"
#include "storage/file_system.h"
#include "storage/group_encoder.h"

namespace stele::storage {

class HashLevels {
 public:
  enum class Access { read_write, read_only };
  // Nothing in the files is believed until trust() has said so.
  HashLevels(FileSystem& files, std::string directory, Access access);

  // Compares the files with a tree's compact range at `size` leaves and believes the nodes below
  // it: exactly those complete in that tree. False: they are missing or wrong; then none is
  // believed.
  bool trust(std::uint64_t size, std::span<const attest::Hash> roots);
  // Takes the next node of its level; no I/O. After a failed trust() of a read-only HashLevels
  // levels begin anew at this node's index.
  void add(const UpperNode& node);
  void flush();  // what add() took goes into the files
  void sync();

  // Nodes [index, index + out.size()) of a kept level; false if one of them is not here.
  bool read(std::uint8_t level, std::uint64_t index, std::span<attest::Hash> out) const;

 private:
  struct Level {
    std::shared_ptr<File> file;
    std::uint64_t in_file = 0;          // believed nodes [0, in_file)
    std::uint64_t in_memory_first = 0;  // index of in_memory[0]
    std::vector<attest::Hash> in_memory;
  };
  std::string path(std::uint8_t level) const;
  std::shared_ptr<File> open(std::uint8_t level);  // null: not there
  void write(std::uint8_t number, Level& level);

  FileSystem& files_;
  const std::string directory_;
  const Access access_;
  mutable std::mutex mutex_;  // guards levels_, not the files
  std::map<std::uint8_t, Level> levels_;
};

}  // namespace stele::storage
