// The control socket: answers the operator's tool, and records in the log what it gave out.
//
// Runs on the executor given, whose thread it may keep busy with reading; events come in on
// another. Only root and the daemon's own user are answered (SO_PEERCRED), whatever the file's
// permissions. Thread safety: the executor's one thread, but answering(). Errors: a request's end as its refusal
// line. See: README.md, "Control protocol".
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/controlled_daemon.h"

namespace stele::daemon {

class Control {
 public:
  // passed: a listening descriptor in the place of the configured path.
  Control(ControlledDaemon daemon, boost::asio::any_io_executor executor,
          std::optional<int> passed = std::nullopt);
  ~Control();
  void stop();  // no more connections; those open end with the executor
  // Requests not yet answered, but for followers, who wait for records. From any thread.
  std::size_t answering() const;

 private:
  struct Listening;
  std::shared_ptr<Listening> listening_;
};

}  // namespace stele::daemon
