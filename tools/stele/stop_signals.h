// SIGINT and SIGTERM as a wish to end, looked at when it suits: a watch ends between two steps.
//
// From its construction on they interrupt nothing. Thread safety: made on the only thread there is;
// then any.
#pragma once

#include <chrono>

namespace stele::tools {

class StopSignals {
 public:
  StopSignals();
  bool came() const;  // stays true
  // Returns early, with true, when one comes.
  bool wait(std::chrono::milliseconds time) const;
};

}  // namespace stele::tools
