#include "daemon/outward/status.h"

namespace stele::daemon {

const char* name(OutwardStatus::Kind kind) {
  return kind == OutwardStatus::Kind::witness ? "witness" : "push";
}

const char* name(OutwardStatus::State state) {
  switch (state) {
    case OutwardStatus::State::waiting:
      return "waiting";
    case OutwardStatus::State::working:
      return "working";
    case OutwardStatus::State::failing:
      return "failing";
    case OutwardStatus::State::refused:
      break;
  }
  return "refused";
}

}  // namespace stele::daemon
