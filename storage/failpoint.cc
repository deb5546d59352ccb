#include "storage/failpoint.h"

#ifdef STELE_FAILPOINTS

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <system_error>
#include <thread>

#include "attest/check.h"
#include "attest/failpoint.h"

namespace stele::storage {
namespace {

struct Order {
  std::string name;
  std::string action;
  std::atomic<unsigned> passes_left{1};
};

Order& order() {
  static Order the_order;
  return the_order;
}

void obey(const char* name) {
  Order& wanted = order();
  if (wanted.name != name || wanted.passes_left.load() == 0) return;
  if (wanted.passes_left.fetch_sub(1) != 1) return;
  const std::string told = "failpoint " + wanted.name + ": " + wanted.action + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, told.data(), told.size());
  if (wanted.action == "kill") std::raise(SIGKILL);
  if (wanted.action == "sleep") return std::this_thread::sleep_for(std::chrono::seconds(1));
  throw std::system_error(EIO, std::generic_category(), std::string("failpoint ") + name);
}

}  // namespace

void install_failpoints() {
  static const bool installed = [] {
    const char* variable = std::getenv("STELE_FAILPOINT");
    if (variable == nullptr || *variable == '\0') return false;
    std::string text(variable);
    const std::size_t equals = text.find('=');
    ENSURE(equals != std::string::npos);
    Order& wanted = order();
    wanted.name = text.substr(0, equals);
    wanted.action = text.substr(equals + 1);
    if (const std::size_t colon = wanted.action.find(':'); colon != std::string::npos) {
      const std::string count = wanted.action.substr(colon + 1);
      unsigned passes = 0;
      const auto parsed = std::from_chars(count.data(), count.data() + count.size(), passes);
      ENSURE(parsed.ec == std::errc{} && parsed.ptr == count.data() + count.size() && passes > 0);
      wanted.passes_left = passes;
      wanted.action.resize(colon);
    }
    ENSURE(wanted.action == "kill" || wanted.action == "throw" || wanted.action == "sleep");
    attest::failpoint_hook = &obey;
    return true;
  }();
  static_cast<void>(installed);
}

}  // namespace stele::storage

#else

namespace stele::storage {
void install_failpoints() {}
}  // namespace stele::storage

#endif
