// Where a command works: the configuration, the data directory, and the daemon if one runs there.
//
// --data alone may name another directory than the configured daemon serves: then that daemon is
// not asked. Thread safety: values. Errors: ConfigError; CommandError (69 no daemon, 77 not allowed
// to reach it, 66 no log at the directory).
#pragma once

#include <optional>
#include <string>

#include "daemon/config.h"
#include "storage/store.h"
#include "tools/stele/command.h"
#include "tools/stele/control_client.h"

namespace stele::tools {

struct Site {
  daemon::Config config;  // config.data: the directory this command works on
  std::string config_path;
  bool daemon_serves = true;  // the daemon of this configuration serves that directory
};

Site find_site(const Common& common);
std::optional<ControlClient> find_daemon(const Site& site);
// For commands that only the daemon can do: ends with 69 and how to start it.
ControlClient require_daemon(const Site& site);
[[noreturn]] void fail_without_daemon(const Site& site, const std::string& socket);
// The store, read directly; what the daemon writes meanwhile may or may not be seen.
storage::Store open_store(const Site& site);
// Ends with 66 unless there is a log at the directory.
void require_log(const Site& site);

}  // namespace stele::tools
