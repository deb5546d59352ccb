#include "daemon/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "daemon/config_keys.h"
#include "daemon/http_keys.h"

namespace stele::daemon {
namespace {

// Where a value stands, as messages begin: "file:line:column" or "--set key=value".
std::string place(const std::string& name, const toml::source_position& position) {
  if (position.line == 0) return name;
  return name + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

bool is_table(std::string_view name) {
  const std::string prefix = std::string(name) + ".";
  return std::any_of(config_keys().begin(), config_keys().end(),
                     [&](const ConfigKey& key) { return key.name.starts_with(prefix); });
}

// The keys beside an unknown one, for its message.
std::string known_beside(std::string_view table) {
  std::string list;
  const std::string prefix = table.empty() ? "" : std::string(table) + ".";
  for (const ConfigKey& key : config_keys()) {
    if (!key.name.starts_with(prefix)) continue;
    list += (list.empty() ? "" : ", ") + key.name;
  }
  return list;
}

[[noreturn]] void refuse_key(const std::string& where, const std::string& full,
                             std::string_view table) {
  throw ConfigError(where + ": unknown key " + full + "; known here: " + known_beside(table) +
                    "; correct its name or remove it");
}

void set_key(Config& config, const ConfigKey& key, const toml::node& node,
             const std::string& where) {
  if (key.set(config, node)) return;
  throw ConfigError(where + ": " + key.name + " must be " + key.allowed + "; correct the value");
}

void apply_table(Config& config, const toml::table& table, const std::string& name,
                 const std::string& prefix) {
  for (const auto& [key, node] : table) {
    const std::string full =
        prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
    const std::string where = place(name, key.source().begin);
    const bool dotted =
        key.str().find('.') != std::string_view::npos;  // "a.b" in quotes is no table a
    const ConfigKey* known = dotted ? nullptr : find_config_key(full);
    if (known) {
      set_key(config, *known, node, place(name, node.source().begin));
    } else if (!dotted && is_table(full)) {
      if (!node.is_table())
        throw ConfigError(where + ": " + full + " is a table; write [" + full + "]");
      apply_table(config, *node.as_table(), name, full);
    } else {
      refuse_key(where, full, prefix);
    }
  }
}

std::string read_whole_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || file.bad() || std::filesystem::is_directory(path)) {
    const int error = std::filesystem::is_directory(path) ? EISDIR : errno;
    throw ConfigError(path + ": cannot be read (" + std::strerror(error) +
                      "); give the file with --config, an empty one holds the defaults");
  }
  return text.str();
}

std::vector<std::string> drop_ins(const std::filesystem::path& beside) {
  std::vector<std::string> paths;
  std::error_code absent;
  for (const auto& entry :
       std::filesystem::directory_iterator(beside.parent_path() / "conf.d", absent)) {
    if (entry.path().extension() == ".toml") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void apply_override(Config& config, const std::string& text) {
  const std::string where = "--set " + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw ConfigError(where + ": write --set key=value");
  const std::string name = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  const ConfigKey* key = find_config_key(name);
  if (!key) refuse_key(where, name, "");
  // A TOML value if it is one, else a string: so that no shell has to quote a path.
  toml::table parsed;
  try {
    parsed = toml::parse("value = " + value);
  } catch (const toml::parse_error&) {
    parsed.clear();
  }
  if (parsed.size() != 1 || !parsed.contains("value")) {
    parsed.clear();
    parsed.insert("value", value);
  }
  set_key(config, *key, *parsed.get("value"), where);
}

void check_tls(const Config& config, const std::string& name) {
  for (const auto& [key, missing] :
       {std::pair{"certificate", config.tls_certificate.empty()},
        std::pair{"key", config.tls_key.empty()},
        std::pair{"client_ca", config.tls_client_ca.empty()},
        std::pair{"allowed_names", config.tls_allowed_names.empty()}}) {
    if (missing) {
      throw ConfigError(name + ": listen.tls.addresses needs listen.tls." + key + "; give it");
    }
  }
}

// What no single key can say.
void check_together(const Config& config, const std::string& name) {
  if (config.queue_bytes < 2 * std::uint64_t{config.max_event_bytes}) {
    throw ConfigError(name +
                      ": limits.queue_bytes must be at least twice limits.max_event_bytes;"
                      " raise the one or lower the other");
  }
  if (!config.journal_directory.empty() && !config.journal_namespace.empty()) {
    throw ConfigError(name +
                      ": input.journal.directory and input.journal.namespace exclude each other;"
                      " remove one");
  }
  if (config.listen_unix == config.control_unix) {
    throw ConfigError(name + ": listen.unix.path and control.path are the same; give each its own");
  }
  if (config.listen_unix_datagram == config.listen_unix ||
      config.listen_unix_datagram == config.control_unix) {
    throw ConfigError(name +
                      ": listen.unix_datagram.path is that of another socket; give each its own");
  }
  if (!config.listen_tls.empty()) check_tls(config, name);
  if (const std::string conflict = http_conflict(config); !conflict.empty()) {
    throw ConfigError(name + ": " + conflict);
  }
}

}  // namespace

void apply_config(Config& config, std::string_view text, const std::string& name) {
  try {
    apply_table(config, toml::parse(text), name, "");
  } catch (const toml::parse_error& error) {
    throw ConfigError(place(name, error.source().begin) +
                      ": not TOML: " + std::string(error.description()) + "; correct the line");
  }
}

Config load_config(const std::string& path, const std::vector<std::string>& overrides) {
  Config config;
  if (path != kDefaultConfigPath || std::filesystem::exists(path))
    apply_config(config, read_whole_text(path), path);
  for (const std::string& drop_in : drop_ins(path))
    apply_config(config, read_whole_text(drop_in), drop_in);
  for (const std::string& text : overrides) apply_override(config, text);
  check_together(config, path);
  return config;
}

std::string to_toml(const Config& config) {
  std::string text;
  for (const ConfigKey& key : config_keys()) {
    const std::string value = key.show(config);
    if (!value.empty()) text += key.name + " = " + value + "\n";
  }
  return text;
}

namespace {

// What holds where a key without a default of its own is not given.
std::string left_open(const ConfigKey& key) {
  return key.name.starts_with("anchor.") ? "the chip's" : "the store's";
}

}  // namespace

std::string describe_config() {
  const Config defaults;
  std::string text;
  for (const ConfigKey& key : config_keys()) {
    const std::string value = key.show(defaults);
    text += key.name + " (" + key.unit + ", default " + (value.empty() ? left_open(key) : value) +
            "): " + key.allowed + ". " + key.reason + ".\n";
  }
  return text;
}

}  // namespace stele::daemon
