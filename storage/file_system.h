// The file system as the store needs it: the one seam through which this room touches the OS.
//
// Tests put a recording, failing or forgetful one in its place. Paths are plain strings, '/'
// between. Thread safety: a FileSystem may be used from several threads; File::read and size too,
// beside the one thread that writes. Errors: every failure is an accident: throws std::system_error
// naming the call and the path. Durability: File::sync is fdatasync; sync_directory makes names
// durable. After a failed sync nothing in the page cache may be believed: whoever sees it stops
// writing for good.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace stele::storage {

using ByteView = std::span<const std::uint8_t>;

class File {
 public:
  virtual ~File() = default;
  // Reads up to out.size() bytes at offset; fewer only at the end of the file.
  virtual std::size_t read(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
  // Writes all parts, one after another, from the offset given, or throws; a short write was
  // retried. After a throw any part of them may have been written.
  virtual void write(std::uint64_t offset, std::span<const ByteView> parts) = 0;
  virtual void truncate(std::uint64_t size) = 0;
  virtual void sync() = 0;
  virtual std::uint64_t size() const = 0;
};

// Holding it holds the lock; released by destruction and by the death of the process.
class Lock {
 public:
  virtual ~Lock() = default;
};

class FileSystem {
 public:
  enum class Open { read_only, read_write, create_new };  // create_new fails if it exists
  virtual ~FileSystem() = default;
  virtual std::unique_ptr<File> open(const std::string& path, Open how) = 0;
  virtual bool exists(const std::string& path) = 0;
  virtual std::vector<std::string> list(const std::string& directory) = 0;  // names, sorted
  virtual void create_directory(const std::string& path) = 0;  // mode 0700; fine if it exists
  virtual void rename(const std::string& from, const std::string& to) = 0;
  virtual void remove(const std::string& path) = 0;
  virtual void sync_directory(const std::string& path) = 0;
  // Null if somebody else holds it, or held the file of that name that was there before.
  virtual std::unique_ptr<Lock> lock(const std::string& path) = 0;
};

// The real one. Does not follow a symbolic link in the last component, opens regular files only,
// never waits (for the writer of a FIFO), makes files 0600.
FileSystem& posix();

}  // namespace stele::storage
