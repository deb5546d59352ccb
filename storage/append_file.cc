#include "storage/append_file.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "attest/failpoint.h"
#include "storage/numbered_file.h"

namespace stele::storage {
namespace {

constexpr const char* kUnfinished = ".new";
constexpr std::size_t kChunkBytes = 1u << 20;

}  // namespace

AppendFile::AppendFile(std::shared_ptr<File> file, std::uint64_t end, const AppendPoints& points)
    : file_(std::move(file)), end_(end), points_(points) {}

void AppendFile::append(ByteView unit) {
  if (broken_.exchange(true)) {
    throw std::system_error(EIO, std::generic_category(),
                            "broken by an earlier failed write or sync");
  }
  FAILPOINT(points_.before_write);
  try {
    file_->write(end_, std::array{unit});
  } catch (const std::system_error& error) {
    if (!is_full(error)) throw;
    file_->truncate(end_);
    file_->sync();  // else a power loss could bring the half unit back, behind a newer one
    broken_ = false;
    throw;
  }
  FAILPOINT(points_.after_write);
  file_->sync();
  // Point of no return: the unit is durable, whatever happens to us now.
  end_ += unit.size();
  FAILPOINT(points_.after_sync);
  broken_ = false;
}

bool is_full(const std::system_error& error) {
  return error.code() == std::errc::no_space_on_device ||
         error.code() == std::error_code(EDQUOT, std::generic_category());
}

std::string unfinished_path(const std::string& directory, std::uint64_t number) {
  return numbered_path(directory, number) + kUnfinished;
}

std::unique_ptr<File> publish_file(FileSystem& files, const std::string& directory,
                                   std::uint64_t number, ByteView contents) {
  const std::string path = numbered_path(directory, number);
  const std::string unfinished = unfinished_path(directory, number);
  if (files.exists(unfinished)) files.remove(unfinished);
  FAILPOINT("create.before_create");
  std::unique_ptr<File> file = files.open(unfinished, FileSystem::Open::create_new);
  try {
    FAILPOINT("create.before_write");
    file->write(0, std::array{contents});
    FAILPOINT("create.before_sync");
    file->sync();
  } catch (const std::system_error&) {
    try {
      files.remove(unfinished);  // gives a full disk its space back
    } catch (const std::system_error&) {
      // The next attempt or recovery removes it; the first failure is the one to report.
    }
    throw;
  }
  FAILPOINT("create.before_rename");
  files.rename(unfinished, path);
  FAILPOINT("create.before_directory_sync");
  files.sync_directory(directory);
  FAILPOINT("create.done");
  return file;
}

Marker random_marker() {
  Marker marker{};
  // Up to 256 bytes come whole, and without waiting once the machine has booted.
  if (::getrandom(marker.data(), marker.size(), 0) != static_cast<ssize_t>(marker.size())) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  return marker;
}

void remove_unfinished(FileSystem& files, const std::string& directory) {
  for (const std::string& name : files.list(directory)) {
    const std::size_t stem = name.size() - std::min(name.size(), std::string(kUnfinished).size());
    if (name.substr(stem) == kUnfinished && parse_file_name(name.substr(0, stem))) {
      files.remove(directory + "/" + name);
    }
  }
}

void settle(File& file, std::uint64_t begin, std::uint64_t end) {
  std::vector<std::uint8_t> chunk;
  for (std::uint64_t at = begin; at < end; at += chunk.size()) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, end - at)));
    if (file.read(at, chunk) != chunk.size()) {
      throw std::system_error(EIO, std::generic_category(), "a file shrank while it was recovered");
    }
    file.write(at, std::array{ByteView(chunk)});
  }
  if (file.size() > end) file.truncate(end);
  FAILPOINT("recover.before_sync");
  file.sync();
  FAILPOINT("recover.after_sync");
}

}  // namespace stele::storage
