#include "tests/support/memory_files.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "storage/numbered_file.h"
#include "tests/support/vectors.h"

namespace stele::test {

namespace {

[[noreturn]] void read_only() { throw std::logic_error("files in memory are for reading"); }

class HeldFile : public storage::File {
 public:
  explicit HeldFile(const attest::Bytes& bytes) : bytes_(bytes) {}
  std::size_t read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    if (offset >= bytes_.size()) return 0;
    const std::size_t count = std::min(out.size(), bytes_.size() - static_cast<std::size_t>(offset));
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
    return count;
  }
  void write(std::uint64_t, std::span<const storage::ByteView>) override { read_only(); }
  void truncate(std::uint64_t) override { read_only(); }
  void sync() override { read_only(); }
  std::uint64_t size() const override { return bytes_.size(); }

 private:
  const attest::Bytes& bytes_;
};

// "store/segments/N" without the directory that the readers were given.
std::string inside(const std::string& path) {
  const std::string prefix = std::string(MemoryFiles::kDirectory) + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

}  // namespace

std::string MemoryFiles::segment(std::uint64_t number) { return storage::numbered_path("segments", number); }
std::string MemoryFiles::journal(std::uint64_t number) { return storage::numbered_path("journal", number); }

MemoryFiles MemoryFiles::load(const std::string& directory) {
  MemoryFiles loaded;
  for (const std::string room : {"segments", "journal"}) {
    for (const std::uint64_t number : storage::list_numbers(storage::posix(), directory + "/" + room)) {
      const std::string path = storage::numbered_path(room, number);
      const std::string bytes = read_file(directory + "/" + path);
      loaded.files[path] = attest::Bytes(bytes.begin(), bytes.end());
    }
  }
  return loaded;
}

void MemoryFiles::save(const std::string& directory) const {
  for (const auto& [path, bytes] : files) {
    const std::filesystem::path whole = std::filesystem::path(directory) / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream out(whole, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw std::runtime_error("cannot write " + whole.string());
  }
}

std::unique_ptr<storage::File> MemoryFiles::open(const std::string& path, Open how) {
  if (how != Open::read_only) read_only();
  const auto found = files.find(inside(path));
  if (found == files.end()) throw std::system_error(ENOENT, std::generic_category(), "open " + path);
  return std::make_unique<HeldFile>(found->second);
}

bool MemoryFiles::exists(const std::string& path) {
  const std::string wanted = inside(path);
  const auto at = files.lower_bound(wanted);
  return at != files.end() && (at->first == wanted || at->first.starts_with(wanted + "/"));
}

std::vector<std::string> MemoryFiles::list(const std::string& directory) {
  const std::string prefix = inside(directory) + "/";
  std::vector<std::string> names;
  for (const auto& [path, bytes] : files) {
    if (path.starts_with(prefix)) names.push_back(path.substr(prefix.size()));
  }
  return names;
}

void MemoryFiles::create_directory(const std::string&) { read_only(); }
void MemoryFiles::rename(const std::string&, const std::string&) { read_only(); }
void MemoryFiles::remove(const std::string&) { read_only(); }
void MemoryFiles::sync_directory(const std::string&) { read_only(); }
std::unique_ptr<storage::Lock> MemoryFiles::lock(const std::string&) { read_only(); }

}  // namespace stele::test
