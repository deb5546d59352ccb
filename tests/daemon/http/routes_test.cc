// Goal: a request reaches the route that its method and path name, and only with a role that it
// needs. Method: tables of targets, patterns and callers.
#include "daemon/http/routes.h"

#include <gtest/gtest.h>

namespace stele::daemon {
namespace {

TEST(HttpTarget, HasAPathAndAQueryOrIsRefused) {
  const auto target = parse_target("/v1/events?wait=sealed&x");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/events");
  EXPECT_EQ(target->query, (std::map<std::string, std::string>{{"wait", "sealed"}, {"x", ""}}));
  EXPECT_EQ(parse_target("http://host:80/a")->path, "/a");
  for (const char* bad :
       {"", "*", "healthz", "http://host", "/a b", "/a#b", "/?a=1&a=2", "/\x80"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
  EXPECT_TRUE(parse_target("/" + std::string(kMaxTargetBytes - 1, 'a')));
  EXPECT_FALSE(parse_target("/" + std::string(kMaxTargetBytes, 'a')));
}

TEST(HttpTarget, PatternsTakeSegmentsAndRests) {
  EXPECT_EQ(match_path("/v1/events/{index}/proof", "/v1/events/17/proof"),
            (PathValues{{"index", "17"}}));
  EXPECT_EQ(match_path("/tile/{rest...}", "/tile/0/x001/067.p/8"),
            (PathValues{{"rest", "0/x001/067.p/8"}}));
  EXPECT_EQ(match_path("/healthz", "/healthz"), PathValues{});
  for (const char* path : {"/", "/v1", "/v1/events", "/v1/events/", "/v1/events//proof",
                           "/v1/events/1/proof/", "/v1/events/1/proofs", "v1/events/1/proof"}) {
    EXPECT_FALSE(match_path("/v1/events/{index}/proof", path)) << path;
  }
  EXPECT_FALSE(match_path("/tile/{rest...}", "/tile/"));
  EXPECT_FALSE(match_path("/tile/{rest...}", "/tile"));
}

TEST(HttpRoutes, MethodPathAndRoleDecide) {
  RouteTable table;
  table.add({"POST", "/v1/events", {Role::writer}, 1, {}});
  table.add({"GET", "/v1/events", {Role::reader, Role::auditor}, 0, {}});
  table.add({"GET", "/healthz", {}, 0, {}});
  const auto status = [&](const char* method, const char* path, RoleSet roles) {
    const auto found = table.find(method, path, roles);
    EXPECT_NE(found.route == nullptr, found.refusal == std::nullopt);
    return found.route != nullptr ? 200u : found.refusal->status;
  };
  EXPECT_EQ(status("POST", "/v1/events", {Role::writer}), 200u);
  EXPECT_EQ(status("POST", "/v1/events", {Role::reader, Role::admin}), 403u);
  EXPECT_EQ(status("GET", "/v1/events", {Role::auditor}), 200u);
  EXPECT_EQ(status("HEAD", "/v1/events", {Role::auditor}), 200u);
  EXPECT_EQ(status("GET", "/healthz", {}), 200u);
  EXPECT_EQ(status("PUT", "/v1/events", RoleSet::all()), 405u);
  EXPECT_EQ(status("GET", "/v1/event", RoleSet::all()), 404u);
  const auto refused = table.find("PUT", "/v1/events", RoleSet::all());
  EXPECT_EQ(refused.refusal->headers.front().second, "POST, GET, HEAD");
}

TEST(HttpRoles, ACertificateHasTheRolesWhoseListsNameIt) {
  Config config;
  config.http_writers = {"CN=app", "URI:spiffe://example/app"};
  config.http_monitors = {"*"};
  EXPECT_EQ(roles_of_certificate(config, {"CN=app"}).names(), "writer, monitor");
  EXPECT_EQ(roles_of_certificate(config, {"URI:spiffe://example/app"}).names(), "writer, monitor");
  EXPECT_EQ(roles_of_certificate(config, {"DNS:app", "CN=App"}).names(), "monitor");
  config.http_plain_roles = {"auditor"};
  EXPECT_EQ(plain_roles(config).names(), "auditor");
  config.http_plain_roles = {};
  EXPECT_EQ(plain_roles(config).names(), "none");
}

}  // namespace
}  // namespace stele::daemon
