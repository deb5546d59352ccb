#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "storage/failpoint.h"
#include "storage/file_system.h"

namespace stele::storage {
namespace {

[[noreturn]] void fail(const char* call, const std::string& path, int error = errno) {
  throw std::system_error(error, std::generic_category(), std::string(call) + " " + path);
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  // What close() would report has been asked for by sync() where it matters.
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_ = -1;
};

Descriptor open_descriptor(const std::string& path, int flags) {
  for (;;) {
    const int number = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (number >= 0) return Descriptor(number);
    if (errno != EINTR) fail("open", path);
  }
}

class PosixFile : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  std::size_t read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = ::pread(descriptor_.number(), out.data() + done, out.size() - done,
                                  static_cast<off_t>(offset + done));
      if (got == 0) break;
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("read", path_);
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  void write(std::uint64_t offset, std::span<const ByteView> parts) override {
    std::array<iovec, 64> vectors;
    std::size_t part = 0;
    std::size_t skip = 0;  // bytes of parts[part] that are written
    while (part < parts.size()) {
      std::size_t used = 0;
      for (std::size_t i = part; i < parts.size() && used < vectors.size(); ++i, ++used) {
        const ByteView rest = parts[i].subspan(i == part ? skip : 0);
        vectors[used] = {const_cast<std::uint8_t*>(rest.data()), rest.size()};
      }
      const ssize_t wrote = ::pwritev(descriptor_.number(), vectors.data(), static_cast<int>(used),
                                      static_cast<off_t>(offset));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) fail("write", path_);
      offset += static_cast<std::uint64_t>(wrote);
      skip += static_cast<std::size_t>(wrote);
      const std::size_t before = part;
      while (part < parts.size() && skip >= parts[part].size()) skip -= parts[part++].size();
      if (wrote == 0 && part == before) fail("write", path_, EIO);
    }
  }

  void truncate(std::uint64_t size) override {
    while (::ftruncate(descriptor_.number(), static_cast<off_t>(size)) != 0) {
      if (errno != EINTR) fail("truncate", path_);
    }
  }

  // Not repeated after EINTR or anything else: a second fdatasync may succeed over lost pages.
  void sync() override {
    if (::fdatasync(descriptor_.number()) != 0) fail("fdatasync", path_);
  }

  std::uint64_t size() const override {
    struct stat status {};
    if (::fstat(descriptor_.number(), &status) != 0) fail("stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class PosixLock : public Lock {
 public:
  PosixLock(Descriptor file, Descriptor directory)
      : file_(std::move(file)), directory_(std::move(directory)) {}

 private:
  Descriptor file_;
  Descriptor directory_;
};

class PosixFileSystem : public FileSystem {
 public:
  std::unique_ptr<File> open(const std::string& path, Open how) override {
    int flags = O_RDONLY;
    if (how == Open::read_write) flags = O_RDWR;
    if (how == Open::create_new) flags = O_RDWR | O_CREAT | O_EXCL;
    Descriptor descriptor = open_descriptor(path, flags);
    struct stat status {};
    if (::fstat(descriptor.number(), &status) != 0) fail("stat", path);
    if (!S_ISREG(status.st_mode)) fail("open (not a regular file)", path, EINVAL);
    return std::make_unique<PosixFile>(std::move(descriptor), path);
  }

  bool exists(const std::string& path) override {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    fail("stat", path);
  }

  std::vector<std::string> list(const std::string& directory) override {
    std::unique_ptr<DIR, int (*)(DIR*)> open_directory(::opendir(directory.c_str()), &::closedir);
    if (!open_directory) fail("list", directory);
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = ::readdir(open_directory.get()); errno = 0) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) fail("list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  void create_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0) return;
    const int error = errno;
    struct stat status {};
    const bool is_there = ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    if (error != EEXIST || !is_there) fail("mkdir", path, error);
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) fail("rename", from);
  }

  void remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) fail("remove", path);
  }

  void sync_directory(const std::string& path) override {
    const Descriptor directory = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (::fsync(directory.number()) != 0) fail("fsync", path);
  }

  std::unique_ptr<Lock> lock(const std::string& path) override {
    Descriptor file = open_descriptor(path, O_RDWR | O_CREAT);
    // A file that was removed and made anew is another one; the directory stays the same.
    Descriptor directory =
        open_descriptor(path.substr(0, path.rfind('/') + 1) + ".", O_RDONLY | O_DIRECTORY);
    for (const Descriptor* held : {&file, &directory}) {
      if (::flock(held->number(), LOCK_EX | LOCK_NB) == 0) continue;
      if (errno == EWOULDBLOCK) return nullptr;
      // A network file system may lock files only.
      if (held == &file) fail("lock", path);
    }
    return std::make_unique<PosixLock>(std::move(file), std::move(directory));
  }
};

}  // namespace

FileSystem& posix() {
  install_failpoints();
  static PosixFileSystem the_file_system;
  return the_file_system;
}

}  // namespace stele::storage
