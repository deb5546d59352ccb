#include "tools/stele/site.h"

#include <filesystem>
#include <system_error>

#include "storage/store_reader.h"

namespace stele::tools {
namespace {

bool same_directory(const std::string& a, const std::string& b) {
  std::error_code error_a, error_b;
  const auto path_a = std::filesystem::weakly_canonical(a, error_a);
  const auto path_b = std::filesystem::weakly_canonical(b, error_b);
  return error_a || error_b ? a == b : path_a == path_b;
}

}  // namespace

Site find_site(const Common& common) {
  Site site{daemon::load_config(common.config_path, {}), common.config_path, true};
  if (!common.data.empty()) {
    site.daemon_serves = same_directory(common.data, site.config.data);
    site.config.data = common.data;
  }
  return site;
}

std::optional<ControlClient> find_daemon(const Site& site) {
  if (!site.daemon_serves) return std::nullopt;
  return ControlClient::connect(site.config.control_unix);
}

ControlClient require_daemon(const Site& site) {
  auto daemon = find_daemon(site);
  if (!daemon) fail_without_daemon(site, site.config.control_unix);
  return std::move(*daemon);
}

void fail_without_daemon(const Site& site, const std::string& socket) {
  if (!site.daemon_serves) {
    throw CommandError(kUnavailable, "the daemon of " + site.config_path +
                                         " serves another directory than " + site.config.data +
                                         ": name its configuration with --config");
  }
  throw CommandError(kUnavailable, "no daemon listens at " + socket +
                                       ": start it with `steled --config " + site.config_path +
                                       "` or `systemctl start steled`");
}

void require_log(const Site& site) {
  const std::string& data = site.config.data;
  if (!storage::posix().exists(data)) {
    throw CommandError(kNoInput, data + " does not exist: `stele provision --data " + data +
                                     "` makes a log there");
  }
  if (!storage::looks_like_store(storage::posix(), data)) {
    throw CommandError(kNoInput, data + " holds no log: `stele provision --data " + data +
                                     "` makes one in an empty directory");
  }
}

storage::Store open_store(const Site& site) {
  require_log(site);
  return storage::Store::open_for_reading(storage::posix(), site.config.data);
}

}  // namespace stele::tools
