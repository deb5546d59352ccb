// The route table: method and path lead to who may ask and to what answers.
//
// A route is one line. A handler is a coroutine: it may wait, for durability or a file; whoever
// waits blocks nobody. HEAD is GET without its body.
// Thread safety: built once, then const. Errors: what a handler throws becomes 500.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/http/message.h"

namespace stele::daemon {

struct Route {
  std::string method;
  std::string pattern;  // target.h
  RoleSet roles;        // any of them; empty: whoever can connect
  std::size_t max_body_bytes = 0;
  std::function<boost::asio::awaitable<HttpReply>(HttpRequest&)> answer;
};

class RouteTable {
 public:
  void add(Route route) { routes_.push_back(std::move(route)); }
  struct Found {
    const Route* route = nullptr;
    PathValues values;
    std::optional<HttpReply> refusal;  // 404, 405, 403: then there is no route
  };
  Found find(std::string_view method, std::string_view path, const RoleSet& roles) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace stele::daemon
