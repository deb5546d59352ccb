#include "daemon/outward/push_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "attest/hash.h"
#include "storage/file_system.h"

namespace stele::daemon {
namespace {

struct stat look_at(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    throw std::system_error(errno, std::generic_category(), path);
  }
  return found;
}

// Under systemd (which sets INVOCATION_ID) all is read-only but what the unit names, and homes are
// not to be seen: that looks like a fault of the place, and is none.
bool may_be_the_unit(const std::error_code& error) {
  const bool refused = error.value() == EROFS || error.value() == EACCES || error.value() == EPERM;
  return refused && std::getenv("INVOCATION_ID") != nullptr;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

void PushFile::append(std::string_view lines) {
  try {
    write(lines);
  } catch (const std::system_error& error) {
    if (!may_be_the_unit(error.code())) throw;
    const std::string folder = folder_of(place_.to);
    throw std::system_error(error.code(),
                            "may not be written as a service; `systemctl edit steled`, [Service], "
                            "ReadWritePaths=" +
                                folder + ", and let its user write there; " + error.what());
  }
}

void PushFile::write(std::string_view lines) {
  storage::FileSystem& files = storage::posix();
  const std::string& path = place_.to;
  const std::string folder = folder_of(path);
  if (!place_.same_mount && look_at(folder).st_dev == look_at(data_).st_dev) {
    throw std::system_error(EXDEV, std::generic_category(),
                            folder +
                                " lies on the mount of the data: is its own not mounted? "
                                "(same_mount = true allows it)");
  }
  using Open = storage::FileSystem::Open;
  bool is_new = !files.exists(path);
  if (!is_new) {
    const std::uint64_t size = files.open(path, Open::read_only)->size();
    if (size > 0 && size + lines.size() > place_.max_bytes) {
      files.rename(path, path + ".1");
      is_new = true;
    }
  }
  const auto file = files.open(path, is_new ? Open::create_new : Open::read_write);
  std::uint64_t end = file->size();
  // What a crash left of a line is ended, so that the next one stands alone.
  std::uint8_t last = '\n';
  if (end > 0) file->read(end - 1, {&last, 1});
  const std::string text = (last == '\n' ? "" : "\n") + std::string(lines);
  const storage::ByteView bytes = attest::view(text);
  file->write(end, {&bytes, 1});
  file->sync();
  if (is_new) files.sync_directory(folder);
}

}  // namespace stele::daemon
