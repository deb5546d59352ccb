#include "daemon/config_host_keys.h"

#include "daemon/config_key_kinds.h"

namespace stele::daemon {
namespace {

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

Fits at_most(std::size_t most) {
  return [most](const std::string& text) {
    return text.empty() || (is_path(text) && text.size() <= most);
  };
}

// As sd_journal_open_namespace(3) and journalctl take it.
bool is_namespace(const std::string& text) {
  constexpr std::size_t kMost = 255;
  return text.size() <= kMost && text.find('/') == std::string::npos &&
         text.find('\0') == std::string::npos;
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
  constexpr std::size_t kMaxUnits = 64;
  constexpr std::size_t kLongestUnit = 255;
  keys.push_back(text_key(
      "input.audit.path", "path", &Config::audit_path, at_most(kSocketPath),
      "the path of a socket (107 bytes at most), or \"\" for no audit input",
      "where auditd's af_unix plugin serves its events; Debian's is /var/run/audispd_events"));
  keys.push_back(
      flag_key("input.journal.enabled", &Config::journal,
               "read the systemd journal from where the log's newest entry of it is; the "
               "daemon's user must be in the group systemd-journal"));
  keys.push_back(text_key("input.journal.directory", "path", &Config::journal_directory,
                          at_most(kPath), "a path, or \"\" for this host's journal",
                          "journal files elsewhere, such as those of journal-remote"));
  keys.push_back(text_key(
      "input.journal.namespace", "name", &Config::journal_namespace, is_namespace,
      "the name of a journal namespace, or \"\" for the default one",
      "a namespace has a journald and files of its own; only without input.journal.directory"));
  keys.push_back(list_key(
      "input.journal.units", "units", &Config::journal_units, kMaxUnits,
      [](const std::string& text) { return !text.empty() && text.size() <= kLongestUnit; },
      "a list of at most 64 unit names, such as [\"ssh.service\", \"cron.service\"]",
      "only what journald says came from one of these; [] is everything. With a filter, gaps in "
      "journald's own numbers cannot be seen"));
}

void add_boot_keys(std::vector<ConfigKey>& keys) {
  constexpr std::size_t kPath = 4095;
  const std::string allowed =
      "a path, \"\" for none, or \"auto\": the kernel's, unless the TPM is a simulator";
  keys.push_back(text_key("boot.event_log", "path", &Config::boot_event_log, at_most(kPath),
                          allowed,
                          "the firmware's event log, which boot bundles commit to; another place "
                          "where a copy is made that the daemon's user may read"));
  keys.push_back(text_key("boot.ima_list", "path", &Config::boot_ima_list, at_most(kPath), allowed,
                          "the kernel's list of measured files (IMA, binary form), likewise"));
}

}  // namespace stele::daemon
