// The kinds of configuration keys: texts, lists, durations, sizes, counts, permissions, flags.
//
// Each makes a ConfigKey (config_keys.h) of a name, a member, a range and a reason.
// Thread safety: pure. Errors: as ConfigKey.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config_keys.h"

namespace stele::daemon {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
// Largest first: showing takes the first that divides.
constexpr std::array<Unit, 5> kDurations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizes{
    {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}};

// An integer in the smallest unit, or a string with a unit.
std::optional<std::int64_t> quantity(const toml::node& node, std::span<const Unit> units);
std::string show_quantity(std::int64_t value, std::span<const Unit> units);
std::string quoted(const std::string& text);  // as TOML
bool is_path(const std::string& text);
bool is_socket_path(const std::string& text);  // 1 to 107 bytes

template <class T>
bool assign_in_range(T& target, std::optional<std::int64_t> value, std::int64_t low,
                     std::int64_t high) {
  if (!value || *value < low || *value > high) return false;
  target = static_cast<T>(*value);
  return true;
}

using Fits = std::function<bool(const std::string&)>;
ConfigKey text_key(std::string name, std::string unit, std::string Config::*member, Fits fits,
                   std::string allowed, std::string reason);
// A list of at most `most` strings that fit.
ConfigKey list_key(std::string name, std::string unit, std::vector<std::string> Config::*member,
                   std::size_t most, Fits fits, std::string allowed, std::string reason);
ConfigKey duration_key(std::string name, std::chrono::milliseconds Config::*member,
                       std::chrono::milliseconds low, std::chrono::milliseconds high,
                       std::string reason);
ConfigKey count_key(std::string name, std::string unit, std::uint32_t Config::*member,
                    std::int64_t low, std::int64_t high, std::string reason);
ConfigKey mode_key(std::string name, std::uint32_t Config::*member, std::string reason);
ConfigKey flag_key(std::string name, bool Config::*member, std::string reason);

template <class T>
ConfigKey size_key(std::string name, T Config::*member, std::int64_t low, std::int64_t high,
                   std::string reason) {
  const std::string allowed =
      "a size from " + show_quantity(low, kSizes) + " to " + show_quantity(high, kSizes) +
      ": a string with B, KiB, MiB or GiB, such as \"1MiB\", or whole bytes";
  return {std::move(name),
          "bytes",
          allowed,
          std::move(reason),
          [=](Config& config, const toml::node& node) {
            return assign_in_range(config.*member, quantity(node, kSizes), low, high);
          },
          [member](const Config& config) {
            return quoted(show_quantity(static_cast<std::int64_t>(config.*member), kSizes));
          }};
}

}  // namespace stele::daemon
