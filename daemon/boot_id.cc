#include "daemon/boot_id.h"

#include <fstream>

namespace stele::daemon {

std::string read_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

}  // namespace stele::daemon
