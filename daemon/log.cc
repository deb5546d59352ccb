#include "daemon/log.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace stele::daemon {

void log(Priority priority, std::string_view text) {
  // systemd sets JOURNAL_STREAM where stderr goes to the journal, which reads "<4>" as a priority.
  static const bool to_journal = std::getenv("JOURNAL_STREAM") != nullptr;
  std::string line =
      to_journal ? "<" + std::to_string(static_cast<int>(priority)) + ">" : "steled: ";
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      line += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  line += '\n';
  // Nowhere to complain to if stderr is gone.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace stele::daemon
