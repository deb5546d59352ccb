#include "daemon/http/routes.h"

namespace stele::daemon {

RouteTable::Found RouteTable::find(std::string_view method, std::string_view path,
                                   const RoleSet& roles) const {
  if (method == "HEAD") method = "GET";
  Found found;
  std::string allowed;
  for (const Route& route : routes_) {
    auto values = match_path(route.pattern, path);
    if (!values) continue;
    if (route.method != method) {
      allowed += (allowed.empty() ? "" : ", ") + route.method;
      if (route.method == "GET") allowed += ", HEAD";
      continue;
    }
    if (!route.roles.empty() && !route.roles.meets(roles)) {
      found.refusal = problem(403, "this needs one of the roles " + route.roles.names() +
                                       "; yours: " + roles.names() +
                                       " ([http] in the configuration gives them)");
      return found;
    }
    found.route = &route;
    found.values = std::move(*values);
    return found;
  }
  if (allowed.empty()) {
    found.refusal = problem(404, "there is nothing of this name");
  } else {
    found.refusal = problem(405, "allowed: " + allowed);
    found.refusal->headers.emplace_back("Allow", allowed);
  }
  return found;
}

}  // namespace stele::daemon
