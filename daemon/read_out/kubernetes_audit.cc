// Kubernetes audit: the outcome is an HTTP status, the target a path of group, namespace and name.
#include "daemon/read_out/json_formats.h"

namespace stele::daemon {
namespace {

void finish_kubernetes_audit(const simdjson::dom::element& event, ReadOut& out) {
  std::int64_t code = 0;
  if (event.at_pointer("/responseStatus/code").get(code) == simdjson::SUCCESS) {
    const bool denied = code == 401 || code == 403;
    out.set(Field::outcome, denied ? "denied" : code < 400 ? "success" : "failure");
  }
  std::string target;
  for (const char* const part : {"/objectRef/namespace", "/objectRef/resource", "/objectRef/name",
                                 "/objectRef/subresource"}) {
    std::string_view text;
    if (event.at_pointer(part).get(text) != simdjson::SUCCESS || text.empty()) continue;
    if (!target.empty()) target += '/';
    target += text;
  }
  if (!target.empty()) out.set(Field::target, target);
}

}  // namespace

JsonFormat kubernetes_audit() {
  return {{"kubernetes-audit",
           {{{"/kind"}, "Event"}, {{"/apiVersion"}, "audit.k8s.io/"}},
           {{{"/impersonatedUser/username", "/user/username", "/user/uid"},
             {"/verb"},
             {"/requestURI"},
             {"/annotations/authorization.k8s.io~1decision"},
             {"/sourceIPs/0"},
             {}}},
           {{"/requestReceivedTimestamp"}, "/stageTimestamp"}},
          finish_kubernetes_audit};
}

}  // namespace stele::daemon
