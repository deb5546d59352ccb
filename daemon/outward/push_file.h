// A file on another mount that pushed lines are appended to, whole and durable; PATH.1 is the one
// before it.
//
// Each append runs on a thread of its own, which owns all that it touches: a mount that hangs keeps
// that thread, and nothing and nobody else, also beyond the end of this object and of the daemon.
// Refused where the file's folder lies on the mount of the data (unless allowed): an unmounted
// place is an empty folder of our own disk, and what is written there leaves with it.
// Thread safety: one executor on one thread. Errors: append() has them in words; as a service one
// that is not let write names what the unit lacks. Durability: once append() has no error to tell.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "daemon/outward/place.h"
#include "storage/file_system.h"

namespace stele::daemon {

// A slow disk under load takes a second or two for a sync; a network's file system some more.
constexpr std::chrono::milliseconds kPushPatience{10'000};

class PushFile {
 public:
  // files: outlives the process's last append, which may be longer than this.
  PushFile(const PushPlace& place, std::string data, storage::FileSystem& files,
           std::chrono::milliseconds patience = kPushPatience);
  ~PushFile();
  // Empty: it has the lines. `hangs` is called once where that takes longer than patience; it is
  // waited for all the same, so that there is never more than one thread at a place. One at a time.
  boost::asio::awaitable<std::string> append(std::string lines, std::function<void()>& hangs);

 private:
  struct Append;
  const PushPlace place_;
  const std::string data_;
  storage::FileSystem& files_;
  const std::chrono::milliseconds patience_;
  std::shared_ptr<Append> under_way_;
};

}  // namespace stele::daemon
