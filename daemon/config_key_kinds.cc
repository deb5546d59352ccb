#include "daemon/config_key_kinds.h"

#include <charconv>
#include <limits>
#include <sstream>

namespace stele::daemon {
namespace {

using Milliseconds = std::chrono::milliseconds;

// "15min" by these units; nothing if it is not a whole number and one of them.
std::optional<std::int64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (suffix != unit.name) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::string show_quantity(std::int64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return "0" + std::string(units.back().name);
}

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

std::optional<std::int64_t> quantity(const toml::node& node, std::span<const Unit> units) {
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* text = node.as_string()) return parse_quantity(text->get(), units);
  return std::nullopt;
}

ConfigKey text_key(std::string name, std::string unit, std::string Config::*member, Fits fits,
                   std::string allowed, std::string reason) {
  return {std::move(name),
          std::move(unit),
          std::move(allowed),
          std::move(reason),
          [member, fits](Config& config, const toml::node& node) {
            const auto* text = node.as_string();
            if (!text || !fits(text->get())) return false;
            config.*member = text->get();
            return true;
          },
          [member](const Config& config) { return quoted(config.*member); }};
}

ConfigKey list_key(std::string name, std::string unit, std::vector<std::string> Config::*member,
                   std::size_t most, Fits fits, std::string allowed, std::string reason) {
  return {std::move(name),
          std::move(unit),
          std::move(allowed),
          std::move(reason),
          [member, most, fits](Config& config, const toml::node& node) {
            const auto* list = node.as_array();
            if (list == nullptr || list->size() > most) return false;
            std::vector<std::string> texts;
            for (const toml::node& item : *list) {
              const auto* text = item.as_string();
              if (text == nullptr || !fits(text->get())) return false;
              texts.push_back(text->get());
            }
            config.*member = std::move(texts);
            return true;
          },
          [member](const Config& config) {
            std::string list;
            for (const std::string& text : config.*member) {
              list += (list.empty() ? "" : ", ") + quoted(text);
            }
            return "[" + list + "]";
          }};
}

ConfigKey duration_key(std::string name, Milliseconds Config::*member, Milliseconds low,
                       Milliseconds high, std::string reason) {
  const std::string allowed =
      "a duration from " + show_quantity(low.count(), kDurations) + " to " +
      show_quantity(high.count(), kDurations) +
      ": a string with ms, s, min, h or d, such as \"90s\", or whole milliseconds";
  return {std::move(name),
          "duration",
          allowed,
          std::move(reason),
          [=](Config& config, const toml::node& node) {
            std::int64_t count = 0;
            if (!assign_in_range(count, quantity(node, kDurations), low.count(), high.count()))
              return false;
            config.*member = Milliseconds(count);
            return true;
          },
          [member](const Config& config) {
            return quoted(show_quantity((config.*member).count(), kDurations));
          }};
}

ConfigKey count_key(std::string name, std::string unit, std::uint32_t Config::*member,
                    std::int64_t low, std::int64_t high, std::string reason) {
  return {std::move(name),
          std::move(unit),
          "a whole number from " + std::to_string(low) + " to " + std::to_string(high),
          std::move(reason),
          [=](Config& config, const toml::node& node) {
            const auto* number = node.as_integer();
            return number && assign_in_range(config.*member, number->get(), low, high);
          },
          [member](const Config& config) { return std::to_string(config.*member); }};
}

bool is_path(const std::string& text) {
  return !text.empty() && text.find('\0') == std::string::npos;
}
// sun_path has 108 bytes, the last of them NUL.
bool is_socket_path(const std::string& text) {
  return is_path(text) && text.size() <= 107;
}

ConfigKey mode_key(std::string name, std::uint32_t Config::*member, std::string reason) {
  return {std::move(name),
          "permissions",
          "octal permissions from 0 to 0o777, such as 0o660 or \"0660\"",
          std::move(reason),
          [member](Config& config, const toml::node& node) {
            std::optional<std::int64_t> mode;
            if (const auto* number = node.as_integer()) mode = number->get();
            if (const auto* text = node.as_string()) {
              std::uint32_t octal = 0;
              const std::string& digits = text->get();
              const auto [end, error] =
                  std::from_chars(digits.data(), digits.data() + digits.size(), octal, 8);
              if (error == std::errc{} && end == digits.data() + digits.size()) mode = octal;
            }
            return assign_in_range(config.*member, mode, 0, 0777);
          },
          [member](const Config& config) {
            std::ostringstream out;
            out << "0o" << std::oct << config.*member;
            return out.str();
          }};
}

ConfigKey flag_key(std::string name, bool Config::*member, std::string reason) {
  return {
      std::move(name),
      "flag",
      "true or false",
      std::move(reason),
      [member](Config& config, const toml::node& node) {
        const auto* flag = node.as_boolean();
        if (flag) config.*member = flag->get();
        return flag != nullptr;
      },
      [member](const Config& config) { return std::string(config.*member ? "true" : "false"); }};
}

}  // namespace stele::daemon
