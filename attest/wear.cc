#include "attest/wear.h"

#include <algorithm>

namespace stele::attest {
namespace {

constexpr double kNsPerDay = 86'400e9;
constexpr double kHundredYearsInDays = 36'500;

struct Stated {
  std::string_view manufacturer;
  std::string_view model;  // the beginning of it
  Endurance endurance;
};
// Only what a maker states in public. A quarter of an hour lasts 14 years on 500,000.
constexpr Stated kStated[] = {
    {"STM",
     "ST33GTPM",
     {500'000, 900'000, "STMicroelectronics, data brief DB4278 rev 1 (ST33GTPMISPI)"}},
};

}  // namespace

Endurance endurance_of(TpmKind kind, std::string_view manufacturer, std::string_view model) {
  if (kind == TpmKind::simulator) {
    return {0, 60'000, "a simulator keeps its NV memory in a file: nothing wears"};
  }
  for (const Stated& stated : kStated) {
    if (manufacturer == stated.manufacturer && model.starts_with(stated.model)) {
      return stated.endurance;
    }
  }
  return {kUnknownCycles, kUnknownHeartbeatMs,
          "assumed: the maker of this TPM states nothing that we know of"};
}

unsigned Wear::used_percent() const {
  if (cycles == 0) return 0;
  return static_cast<unsigned>(std::min<std::uint64_t>(writes * 100 / cycles, 100));
}

Wear project_wear(std::uint64_t writes, std::uint64_t cycles, std::int64_t created_ns,
                  std::int64_t now_ns, std::uint64_t heartbeat_ms) {
  const double days = (static_cast<double>(now_ns) - static_cast<double>(created_ns)) / kNsPerDay;
  const double planned =
      kNsPerDay / 1e6 / static_cast<double>(std::max<std::uint64_t>(heartbeat_ms, 1));
  Wear wear{writes, cycles, days >= 1 ? static_cast<double>(writes) / days : planned, {}};
  if (cycles == 0 || wear.per_day <= 0) return wear;
  const double left = static_cast<double>(cycles - std::min(cycles, writes)) / wear.per_day;
  if (left < kHundredYearsInDays) {
    wear.end_ns = static_cast<std::int64_t>(static_cast<double>(now_ns) + left * kNsPerDay);
  }
  return wear;
}

unsigned wear_passed(std::uint64_t writes, std::uint64_t cycles) {
  if (cycles == 0) return 0;
  for (const unsigned percent : {kWearNearEndPercent, kWearHighPercent}) {
    if (writes >= (cycles * percent + 99) / 100) return percent;
  }
  return 0;
}

}  // namespace stele::attest
