#include "daemon/read_out_key.h"

#include <algorithm>
#include <sstream>

namespace stele::daemon {
namespace {

constexpr std::size_t kMaxPointers = 16;  // of one field: each is looked for in every event
constexpr std::size_t kMaxFormatBytes = 64;

bool read_short_string(const toml::node& node, std::string& text, std::size_t max) {
  const auto* value = node.as_string();
  if (value == nullptr || value->get().empty() || value->get().size() > max) return false;
  text = value->get();
  return true;
}

// A pointer, or a list of them.
bool read_pointers(const toml::node& node, std::vector<std::string>& pointers) {
  const auto add = [&](const toml::node& item) {
    std::string pointer;
    if (!read_short_string(item, pointer, kMaxPointerBytes) || !is_json_pointer(pointer))
      return false;
    pointers.push_back(std::move(pointer));
    return pointers.size() <= kMaxPointers;
  };
  const auto* list = node.as_array();
  if (list == nullptr) return add(node);
  return !list->empty() &&
         std::all_of(list->begin(), list->end(), [&](const toml::node& item) { return add(item); });
}

bool read_mapping(const toml::table& table, JsonMapping& mapping) {
  JsonMapping::Sign sign;
  for (const auto& [key, node] : table) {
    const auto field = std::find(kFieldNames.begin(), kFieldNames.end(), key.str());
    bool good = false;
    if (field != kFieldNames.end()) {
      good = read_pointers(node,
                           mapping.pointers[static_cast<std::size_t>(field - kFieldNames.begin())]);
    } else if (key.str() == "format") {
      good = read_short_string(node, mapping.format, kMaxFormatBytes);
    } else if (key.str() == "when") {
      good = read_pointers(node, sign.pointers);
    } else if (key.str() == "begins_with") {
      good = read_short_string(node, sign.begins_with, kMaxPointerBytes);
    } else if (key.str() == "time") {
      good = read_pointers(node, mapping.time);
    }
    if (!good) return false;
  }
  if (mapping.format.empty() || sign.pointers.empty()) return false;
  mapping.signs = {std::move(sign)};
  return true;
}

toml::array list_of(const std::vector<std::string>& texts) {
  toml::array list;
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

toml::table table_of(const JsonMapping& mapping) {
  toml::table table;
  table.insert("format", mapping.format);
  table.insert("when", list_of(mapping.signs.front().pointers));
  if (!mapping.signs.front().begins_with.empty()) {
    table.insert("begins_with", mapping.signs.front().begins_with);
  }
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (!mapping.pointers[i].empty()) table.insert(kFieldNames[i], list_of(mapping.pointers[i]));
  }
  if (!mapping.time.empty()) table.insert("time", list_of(mapping.time));
  return table;
}

}  // namespace

ConfigKey read_out_key() {
  return {"read_out.json",
          "mappings",
          "at most " + std::to_string(kMaxJsonMappings) +
              " tables [[read_out.json]] with format and when, and begins_with, actor, action, "
              "target, outcome, origin, severity, time as needed; all but format and begins_with "
              "are JSON pointers (\"/user/name\") or lists of at most " +
              std::to_string(kMaxPointers),
          "how to read JSON that is of no format known; changing it makes the look-up anew",
          [](Config& config, const toml::node& node) {
            const auto* list = node.as_array();
            if (list == nullptr || list->size() > kMaxJsonMappings) return false;
            std::vector<JsonMapping> mappings;
            for (const toml::node& item : *list) {
              const auto* table = item.as_table();
              if (table == nullptr || !read_mapping(*table, mappings.emplace_back())) return false;
            }
            config.json_mappings = std::move(mappings);
            return true;
          },
          [](const Config& config) {
            std::string text;
            for (const JsonMapping& mapping : config.json_mappings) {
              std::ostringstream table;
              toml::table inline_table = table_of(mapping);
              inline_table.is_inline(true);
              table << inline_table;
              text += (text.empty() ? "" : ", ") + table.str();
            }
            return "[" + text + "]";
          }};
}

}  // namespace stele::daemon
