#include "daemon/boot_log_paths.h"

namespace stele::daemon {
namespace {

constexpr const char* kKernelEventLog = "/sys/kernel/security/tpm0/binary_bios_measurements";
constexpr const char* kKernelImaList = "/sys/kernel/security/ima/binary_runtime_measurements";

bool is_simulator(const std::string& tcti) {
  return tcti.starts_with("swtpm") || tcti.starts_with("mssim");
}

}  // namespace

BootLogPaths boot_log_paths(const Config& config) {
  const auto path = [&](const std::string& wanted, const char* kernels) -> std::string {
    if (wanted != kAutomaticLog) return wanted;
    return is_simulator(config.tcti) ? "" : kernels;
  };
  return {path(config.boot_event_log, kKernelEventLog), path(config.boot_ima_list, kKernelImaList)};
}

}  // namespace stele::daemon
