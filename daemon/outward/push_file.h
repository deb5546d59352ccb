// A file on another mount that pushed lines are appended to, whole and durable; PATH.1 is the one
// before it.
//
// Refused where the file's folder lies on the mount of the data (unless allowed): an unmounted
// place is an empty folder of our own disk, and what is written there leaves with it.
// Thread safety: one thread. Blocks: append(), as long as that disk takes. Errors:
// std::system_error; as a service one that is not let write names what the unit lacks. Durability:
// append() returns when the lines are.
#pragma once

#include <string>
#include <string_view>

#include "daemon/outward/place.h"

namespace stele::daemon {

class PushFile {
 public:
  PushFile(const PushPlace& place, std::string data) : place_(place), data_(std::move(data)) {}
  void append(std::string_view lines);

 private:
  void write(std::string_view lines);

  const PushPlace place_;
  const std::string data_;
};

}  // namespace stele::daemon
