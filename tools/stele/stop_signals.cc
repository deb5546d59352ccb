#include "tools/stele/stop_signals.h"

#include <signal.h>

namespace stele::tools {
namespace {

sigset_t the_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t signals = the_signals();
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
}

bool StopSignals::came() const {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, SIGINT) == 1 || ::sigismember(&pending, SIGTERM) == 1;
}

bool StopSignals::wait(std::chrono::milliseconds time) const {
  const sigset_t signals = the_signals();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec limit{static_cast<time_t>(seconds.count()),
                       static_cast<long>(std::chrono::nanoseconds(time - seconds).count())};
  const int signal = ::sigtimedwait(&signals, nullptr, &limit);
  if (signal > 0) ::raise(signal);  // pending again: came() goes on saying so
  return came();
}

}  // namespace stele::tools
