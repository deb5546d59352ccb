// What to do when room runs out: the four conditions of [on], and what each may lead to.
//
// Thread safety: values. See: README.md, "When room runs out".
#pragma once

#include <cstdint>
#include <string_view>

namespace stele::daemon {

enum class OnTrouble : std::uint8_t {
  warn,              // says so, goes on
  suspend,           // senders wait
  drop_with_record,  // their events are dropped, counted, and a gap record says so
  halt,              // the daemon ends with kHaltExit
};

// EX_TEMPFAIL: nothing is broken; with room, a start goes on where this one ended.
constexpr int kHaltExit = 75;

constexpr std::string_view name(OnTrouble action) {
  switch (action) {
    case OnTrouble::warn:
      return "warn";
    case OnTrouble::suspend:
      return "suspend";
    case OnTrouble::drop_with_record:
      return "drop-with-record";
    case OnTrouble::halt:
      return "halt";
  }
  return "";
}

}  // namespace stele::daemon
