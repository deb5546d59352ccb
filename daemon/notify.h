// What systemd is told: ready, status, stopping, alive. Without systemd all of it is silence.
//
// Thread safety: any. See: sd_notify(3), sd_watchdog_enabled(3).
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace stele::daemon {

void notify_ready(const std::string& status);
void notify_status(const std::string& status);
void notify_stopping();
void notify_alive();
// How often it wants to hear notify_alive(), if at all.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace stele::daemon
