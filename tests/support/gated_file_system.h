// The real file system with a gate before every sync: closed, writers wait there, as on a disk that
// hangs.
//
// Thread safety: all members from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/file_system.h"

namespace stele::test {

class GatedFileSystem : public storage::FileSystem {
 public:
  void close() { set(false); }
  void open_gate() { set(true); }
  int waiting() const { return waiting_; }

  std::unique_ptr<storage::File> open(const std::string& path, Open how) override {
    return std::make_unique<Gated>(*this, files_.open(path, how));
  }
  bool exists(const std::string& path) override { return files_.exists(path); }
  std::vector<std::string> list(const std::string& directory) override {
    return files_.list(directory);
  }
  void create_directory(const std::string& path) override { files_.create_directory(path); }
  void rename(const std::string& from, const std::string& to) override { files_.rename(from, to); }
  void remove(const std::string& path) override { files_.remove(path); }
  void sync_directory(const std::string& path) override { files_.sync_directory(path); }
  std::unique_ptr<storage::Lock> lock(const std::string& path) override {
    return files_.lock(path);
  }

 private:
  class Gated : public storage::File {
   public:
    Gated(GatedFileSystem& gate, std::unique_ptr<storage::File> file)
        : gate_(gate), file_(std::move(file)) {}
    std::size_t read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
      return file_->read(offset, out);
    }
    void write(std::uint64_t offset, std::span<const storage::ByteView> parts) override {
      file_->write(offset, parts);
    }
    void truncate(std::uint64_t size) override { file_->truncate(size); }
    void sync() override {
      gate_.pass();
      file_->sync();
    }
    std::uint64_t size() const override { return file_->size(); }

   private:
    GatedFileSystem& gate_;
    std::unique_ptr<storage::File> file_;
  };

  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
  }

  storage::FileSystem& files_ = storage::posix();
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::atomic<int> waiting_{0};
};

}  // namespace stele::test
