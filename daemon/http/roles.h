// Roles: what a client of the HTTP service may do, and who has which.
//
//   TLS          by its certificate: the lists http.writers, .readers, .auditors, .admins,
//                .monitors, .logs
//   Unix socket  root and the daemon's own user: all; others: http.plain_roles
//   plain TCP    http.plain_roles: whoever is on this machine
//
// Thread safety: values. Trust: identities are what TLS verified or the kernel said.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/config.h"

namespace stele::daemon {

enum class Role : std::uint8_t {
  writer = 1,
  reader = 2,
  auditor = 4,
  admin = 8,
  monitor = 16,
  log = 32
};

class RoleSet {
 public:
  RoleSet() = default;
  RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) add(role);
  }
  static RoleSet all() {
    return {Role::writer, Role::reader, Role::auditor, Role::admin, Role::monitor, Role::log};
  }
  void add(Role role) {
    bits_ = static_cast<std::uint8_t>(bits_ | static_cast<std::uint8_t>(role));
  }
  bool meets(const RoleSet& other) const { return (bits_ & other.bits_) != 0; }
  bool empty() const { return bits_ == 0; }
  std::string names() const;  // "writer, monitor"; "none"

 private:
  std::uint8_t bits_ = 0;
};

// identities: "CN=…", "DNS:…", "URI:…", "EMAIL:…", as the certificate states them.
RoleSet roles_of_certificate(const Config& config, const std::vector<std::string>& identities);
RoleSet plain_roles(const Config& config);

}  // namespace stele::daemon
