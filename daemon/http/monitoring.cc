#include "daemon/http/monitoring.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/readiness.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

asio::awaitable<HttpReply> healthz(HttpRequest&) {
  co_return text_reply(200, "alive\n");
}

asio::awaitable<HttpReply> version(HttpRequest&) {
  co_return json_reply(200, "{\"name\":\"steled\",\"version\":\"" STELE_VERSION "\"}\n");
}

asio::awaitable<HttpReply> readyz(const ControlledDaemon& daemon) {
  const std::vector<NotReady> reasons = why_not_ready(gather_status(daemon));
  HttpReply reply = json_reply(
      reasons.empty() ? 200 : 503,
      json::serialize(json::object{{"ready", reasons.empty()}, {"reasons", to_json(reasons)}}) +
          "\n");
  co_return reply;
}

asio::awaitable<HttpReply> metrics(const ControlledDaemon& daemon,
                                   const std::function<void(MetricFacts&)>& count) {
  MetricFacts facts = gather_metrics(daemon);
  count(facts);
  HttpReply reply = text_reply(200, metrics_text(facts));
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  co_return reply;
}

}  // namespace

void add_monitoring_routes(RouteTable& routes, const ControlledDaemon& daemon,
                           std::function<void(MetricFacts&)> count) {
  const RoleSet anyone;
  routes.add({"GET", "/healthz", anyone, 0, healthz});
  routes.add({"GET", "/version", anyone, 0, version});
  routes.add({"GET", "/readyz", anyone, 0, [&daemon](HttpRequest&) { return readyz(daemon); }});
  // The table outlives the requests, so what the lambda holds may be referred to.
  routes.add(
      {"GET",
       "/metrics",
       {Role::monitor, Role::auditor, Role::admin},
       0,
       [&daemon, count = std::move(count)](HttpRequest&) { return metrics(daemon, count); }});
}

}  // namespace stele::daemon
