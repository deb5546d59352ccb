#include "daemon/boot_evidence.h"

#include <algorithm>
#include <system_error>

namespace stele::daemon {
namespace {

constexpr const char* kBootIdPath = "/proc/sys/kernel/random/boot_id";

// These files state no size: read until there is no more.
attest::Bytes read_until_end(storage::FileSystem& files, const std::string& path) {
  constexpr std::size_t kStep = 64u << 10;
  attest::Bytes bytes;
  if (path.empty()) return bytes;
  try {
    const auto file = files.open(path, storage::FileSystem::Open::read_only);
    for (;;) {
      const std::size_t begin = bytes.size();
      bytes.resize(begin + kStep);
      const std::size_t read = file->read(begin, std::span(bytes).subspan(begin));
      bytes.resize(begin + read);
      if (read == 0) return bytes;
      if (bytes.size() > storage::kMaxBootLogBytes) return {};
    }
  } catch (const std::system_error&) {
    return {};  // no such log on this machine, or not for us to read
  }
}

std::array<std::uint8_t, 16> parse_boot_id(std::string text) {
  std::array<std::uint8_t, 16> id{};
  std::erase_if(text, [](char c) { return c == '-' || c == '\n'; });
  const auto bytes = attest::from_hex(text);
  if (bytes && bytes->size() == id.size()) std::copy(bytes->begin(), bytes->end(), id.begin());
  return id;
}

}  // namespace

BootEvidence read_boot_evidence(storage::FileSystem& files, const BootLogPaths& paths) {
  const attest::Bytes id = read_until_end(files, kBootIdPath);
  return {parse_boot_id(std::string(id.begin(), id.end())), read_until_end(files, paths.event_log),
          read_until_end(files, paths.ima_list)};
}

void keep_boot_log(storage::FileSystem& files, const std::string& directory, attest::ByteView log) {
  if (log.empty()) return;
  const std::string folder = directory + "/boot";
  const std::string path = folder + "/" + attest::to_hex(attest::hash(log));
  if (files.exists(path)) return;
  files.create_directory(folder);
  files.sync_directory(directory);
  // Under its final name only when whole: the name promises the content.
  const std::string draft = path + ".new";
  if (files.exists(draft)) files.remove(draft);
  const auto file = files.open(draft, storage::FileSystem::Open::create_new);
  const attest::ByteView parts[] = {log};
  file->write(0, parts);
  file->sync();
  files.rename(draft, path);
  files.sync_directory(folder);
}

}  // namespace stele::daemon
