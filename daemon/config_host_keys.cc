#include "daemon/config_host_keys.h"

#include <sstream>

namespace stele::daemon {
namespace {

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

// choices: the actions that make sense for the condition.
ConfigKey trouble_key(std::string name, OnTrouble Config::*member, std::vector<OnTrouble> choices,
                      std::string reason) {
  std::string allowed = "one of";
  for (const OnTrouble choice : choices) {
    allowed += (choice == choices.front() ? " " : ", ") + quoted(std::string(daemon::name(choice)));
  }
  return {
      std::move(name),
      "action",
      allowed,
      std::move(reason),
      [member, choices](Config& config, const toml::node& node) {
        const auto* text = node.as_string();
        for (const OnTrouble choice : choices) {
          if (text == nullptr || text->get() != daemon::name(choice)) continue;
          config.*member = choice;
          return true;
        }
        return false;
      },
      [member](const Config& config) { return quoted(std::string(daemon::name(config.*member))); }};
}

ConfigKey optional_path_key(std::string name, std::string Config::*member, std::size_t most,
                            std::string allowed, std::string reason) {
  return {std::move(name),
          "path",
          std::move(allowed),
          std::move(reason),
          [member, most](Config& config, const toml::node& node) {
            const auto* text = node.as_string();
            if (text == nullptr || text->get().size() > most) return false;
            if (text->get().find('\0') != std::string::npos) return false;
            config.*member = text->get();
            return true;
          },
          [member](const Config& config) { return quoted(config.*member); }};
}

// As sd_journal_open_namespace(3) and journalctl take it.
bool is_namespace(const std::string& text) {
  constexpr std::size_t kMost = 255;
  return text.size() <= kMost && text.find('/') == std::string::npos &&
         text.find('\0') == std::string::npos;
}

ConfigKey namespace_key() {
  return {"input.journal.namespace",
          "name",
          "the name of a journal namespace, or \"\" for the default one",
          "a namespace has a journald and files of its own; only without input.journal.directory",
          [](Config& config, const toml::node& node) {
            const auto* text = node.as_string();
            if (text == nullptr || !is_namespace(text->get())) return false;
            config.journal_namespace = text->get();
            return true;
          },
          [](const Config& config) { return quoted(config.journal_namespace); }};
}

ConfigKey units_key() {
  constexpr std::size_t kMost = 64;
  constexpr std::size_t kLongest = 255;
  return {
      "input.journal.units",
      "units",
      "a list of at most 64 unit names, such as [\"ssh.service\", \"cron.service\"]",
      "only what journald says came from one of these; [] is everything. With a filter, gaps in "
      "journald's own numbers cannot be seen",
      [](Config& config, const toml::node& node) {
        const auto* list = node.as_array();
        if (list == nullptr || list->size() > kMost) return false;
        std::vector<std::string> units;
        for (const toml::node& item : *list) {
          const auto* text = item.as_string();
          if (text == nullptr || text->get().empty() || text->get().size() > kLongest) {
            return false;
          }
          units.push_back(text->get());
        }
        config.journal_units = std::move(units);
        return true;
      },
      [](const Config& config) {
        std::string list;
        for (const std::string& unit : config.journal_units) {
          list += (list.empty() ? "" : ", ") + quoted(unit);
        }
        return "[" + list + "]";
      }};
}

ConfigKey journal_key() {
  return {"input.journal.enabled",
          "flag",
          "true or false",
          "read the systemd journal from where the log's newest entry of it is; the daemon's user "
          "must be in the group systemd-journal",
          [](Config& config, const toml::node& node) {
            const auto* flag = node.as_boolean();
            if (flag) config.journal = flag->get();
            return flag != nullptr;
          },
          [](const Config& config) { return std::string(config.journal ? "true" : "false"); }};
}

}  // namespace

void add_trouble_keys(std::vector<ConfigKey>& keys) {
  using enum OnTrouble;
  keys.push_back(trouble_key("on.disk_low", &Config::on_disk_low,
                             {warn, suspend, drop_with_record, halt},
                             "below limits.disk_low_bytes; halt ends with exit code 75"));
  keys.push_back(trouble_key("on.disk_full", &Config::on_disk_full,
                             {suspend, drop_with_record, halt},
                             "a write finds no room, so there is no going on: senders wait, their "
                             "events are dropped and counted, or the daemon ends with 75"));
  keys.push_back(trouble_key("on.queue_overflow", &Config::on_queue_overflow,
                             {suspend, drop_with_record, halt},
                             "limits.queue_* are reached: the same choices; what cannot wait (a "
                             "datagram) is dropped and counted in any case"));
}

void add_host_input_keys(std::vector<ConfigKey>& keys) {
  constexpr std::size_t kSocketPath = 107;
  constexpr std::size_t kPath = 4095;
  keys.push_back(optional_path_key(
      "input.audit.path", &Config::audit_path, kSocketPath,
      "the path of a socket (107 bytes at most), or \"\" for no audit input",
      "where auditd's af_unix plugin serves its events; Debian's is /var/run/audispd_events"));
  keys.push_back(journal_key());
  keys.push_back(optional_path_key("input.journal.directory", &Config::journal_directory, kPath,
                                   "a path, or \"\" for this host's journal",
                                   "journal files elsewhere, such as those of journal-remote"));
  keys.push_back(namespace_key());
  keys.push_back(units_key());
}

}  // namespace stele::daemon
