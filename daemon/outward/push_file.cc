#include "daemon/outward/push_file.h"

#include <sys/stat.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "attest/hash.h"
#include "daemon/http/signal.h"

namespace stele::daemon {

namespace asio = boost::asio;

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

void write(storage::FileSystem& files, const PushPlace& place, const std::string& data,
           std::string_view lines) {
  const std::string& path = place.to;
  const std::string folder = folder_of(path);
  if (!place.same_mount && look_at(folder).st_dev == look_at(data).st_dev) {
    throw std::system_error(EXDEV, std::generic_category(),
                            folder +
                                " lies on the mount of the data: is its own not mounted? "
                                "(same_mount = true allows it)");
  }
  using Open = storage::FileSystem::Open;
  bool is_new = !files.exists(path);
  if (!is_new) {
    const std::uint64_t size = files.open(path, Open::read_only)->size();
    if (size > 0 && size + lines.size() > place.max_bytes) {
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

// Empty: written.
std::string try_to_write(storage::FileSystem& files, const PushPlace& place,
                         const std::string& data, std::string_view lines) {
  try {
    write(files, place, data, lines);
    return {};
  } catch (const std::system_error& error) {
    if (!may_be_the_unit(error.code())) return error.what();
    return "may not be written as a service; `systemctl edit steled`, [Service], ReadWritePaths=" +
           folder_of(place.to) + ", and let its user write there; " + error.what();
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

// Shared with its thread, which may outlive whoever waits for it.
struct PushFile::Append : std::enable_shared_from_this<PushFile::Append> {
  explicit Append(const asio::any_io_executor& executor_) : executor(executor_) {}
  void returned(std::string with) {
    const std::lock_guard lock(mutex);
    if (abandoned) return;
    asio::post(executor, [self = shared_from_this(), with = std::move(with)] {
      self->failure = with;
      self->over = true;
      self->changed.notify();
    });
  }
  void abandon() {
    const std::lock_guard lock(mutex);
    abandoned = true;
  }

  std::mutex mutex;
  bool abandoned = false;  // under the mutex; then the executor may be gone
  const asio::any_io_executor executor;
  // On the executor only:
  Signal changed;
  bool over = false;
  std::string failure;
};

PushFile::PushFile(const PushPlace& place, std::string data, storage::FileSystem& files,
                   std::chrono::milliseconds patience)
    : place_(place), data_(std::move(data)), files_(files), patience_(patience) {}

PushFile::~PushFile() {
  if (under_way_) under_way_->abandon();
}

asio::awaitable<std::string> PushFile::append(std::string lines, std::function<void()>& hangs) {
  const auto append = std::make_shared<Append>(co_await asio::this_coro::executor);
  under_way_ = append;
  std::thread([append, &files = files_, place = place_, data = data_, lines = std::move(lines)] {
    append->returned(try_to_write(files, place, data, lines));
  }).detach();
  const auto patient_until = std::chrono::steady_clock::now() + patience_;
  while (!append->over && std::chrono::steady_clock::now() < patient_until) {
    co_await append->changed.wait_until(patient_until);
  }
  if (!append->over) hangs();
  while (!append->over) co_await append->changed.wait_until(Signal::Time::max());
  under_way_.reset();
  co_return append->failure;
}

}  // namespace stele::daemon
