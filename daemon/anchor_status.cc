#include "daemon/anchor_status.h"

namespace stele::daemon {

std::string_view name(AnchorStatus::State state) {
  switch (state) {
    case AnchorStatus::State::starting:
      return "starting";
    case AnchorStatus::State::anchoring:
      return "anchoring";
    case AnchorStatus::State::unavailable:
      return "unavailable";
    case AnchorStatus::State::contended:
      return "contended";
    case AnchorStatus::State::stopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace stele::daemon
