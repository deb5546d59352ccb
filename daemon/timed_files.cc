#include "daemon/timed_files.h"

namespace stele::daemon {
namespace {

class TimedFile : public storage::File {
 public:
  explicit TimedFile(std::unique_ptr<storage::File> inner) : inner_(std::move(inner)) {}
  std::size_t read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    return inner_->read(offset, out);
  }
  void write(std::uint64_t offset, std::span<const storage::ByteView> parts) override {
    inner_->write(offset, parts);
  }
  void truncate(std::uint64_t size) override { inner_->truncate(size); }
  void sync() override {
    const Stopwatch stopwatch(sync_times());
    inner_->sync();
  }
  std::uint64_t size() const override { return inner_->size(); }

 private:
  std::unique_ptr<storage::File> inner_;
};

class TimedFiles : public storage::FileSystem {
 public:
  std::unique_ptr<storage::File> open(const std::string& path, Open how) override {
    return std::make_unique<TimedFile>(storage::posix().open(path, how));
  }
  bool exists(const std::string& path) override { return storage::posix().exists(path); }
  std::vector<std::string> list(const std::string& directory) override {
    return storage::posix().list(directory);
  }
  void create_directory(const std::string& path) override {
    storage::posix().create_directory(path);
  }
  void rename(const std::string& from, const std::string& to) override {
    storage::posix().rename(from, to);
  }
  void remove(const std::string& path) override { storage::posix().remove(path); }
  void sync_directory(const std::string& path) override { storage::posix().sync_directory(path); }
  std::unique_ptr<storage::Lock> lock(const std::string& path) override {
    return storage::posix().lock(path);
  }
};

}  // namespace

storage::FileSystem& timed_files() {
  static TimedFiles files;
  return files;
}

DurationHistogram& sync_times() {
  static DurationHistogram times;
  return times;
}

}  // namespace stele::daemon
