#include "daemon/http/roles.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace stele::daemon {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 6> kNames{{{Role::writer, "writer"},
                                                                   {Role::reader, "reader"},
                                                                   {Role::auditor, "auditor"},
                                                                   {Role::admin, "admin"},
                                                                   {Role::monitor, "monitor"},
                                                                   {Role::log, "log"}}};

bool lists(const std::vector<std::string>& list, const std::vector<std::string>& identities) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& one) {
    return one == "*" || std::find(identities.begin(), identities.end(), one) != identities.end();
  });
}

}  // namespace

std::string RoleSet::names() const {
  std::string names;
  for (const auto& [role, name] : kNames) {
    if (meets({role})) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names.empty() ? "none" : names;
}

RoleSet roles_of_certificate(const Config& config, const std::vector<std::string>& identities) {
  RoleSet roles;
  if (lists(config.http_writers, identities)) roles.add(Role::writer);
  if (lists(config.http_readers, identities)) roles.add(Role::reader);
  if (lists(config.http_auditors, identities)) roles.add(Role::auditor);
  if (lists(config.http_admins, identities)) roles.add(Role::admin);
  if (lists(config.http_monitors, identities)) roles.add(Role::monitor);
  if (lists(config.http_logs, identities)) roles.add(Role::log);
  return roles;
}

RoleSet plain_roles(const Config& config) {
  RoleSet roles;
  for (const auto& [role, name] : kNames) {
    const auto& given = config.http_plain_roles;
    if (std::find(given.begin(), given.end(), name) != given.end()) roles.add(role);
  }
  return roles;
}

}  // namespace stele::daemon
