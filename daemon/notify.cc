#include "daemon/notify.h"

#include <systemd/sd-daemon.h>

#include <cstdint>

namespace stele::daemon {

void notify_ready(const std::string& status) {
  ::sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}

void notify_status(const std::string& status) {
  ::sd_notify(0, ("STATUS=" + status).c_str());
}

void notify_stopping() {
  ::sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void notify_alive() {
  ::sd_notify(0, "WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  std::uint64_t limit_us = 0;
  if (::sd_watchdog_enabled(0, &limit_us) <= 0) return std::nullopt;
  return std::chrono::microseconds(limit_us / 2);  // as sd_watchdog_enabled(3) advises
}

}  // namespace stele::daemon
