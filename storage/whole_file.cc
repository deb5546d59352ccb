#include "storage/whole_file.h"

#include <system_error>

#include "attest/hash.h"

namespace stele::storage {

std::optional<std::string> read_whole(FileSystem& files, const std::string& path,
                                      std::size_t max_bytes) {
  if (!files.exists(path)) return std::nullopt;
  const auto file = files.open(path, FileSystem::Open::read_only);
  const std::uint64_t size = file->size();
  if (size > max_bytes) {
    throw std::system_error(EFBIG, std::generic_category(), path + " is longer than ours ever is");
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  text.resize(file->read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
  return text;
}

void replace_whole(FileSystem& files, const std::string& path, std::string_view contents) {
  const std::string fresh = path + ".new";
  if (files.exists(fresh)) files.remove(fresh);
  {
    const auto file = files.open(fresh, FileSystem::Open::create_new);
    const ByteView bytes = attest::view(contents);
    file->write(0, {&bytes, 1});
    file->sync();
  }
  files.rename(fresh, path);
  const std::size_t slash = path.rfind('/');
  files.sync_directory(slash == path.npos ? "." : path.substr(0, slash));
}

}  // namespace stele::storage
