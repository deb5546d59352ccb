// CloudTrail: an event that failed has an errorCode; one without it succeeded.
#include "daemon/read_out/json_formats.h"

namespace stele::daemon {
namespace {

void finish_cloudtrail(const simdjson::dom::element& event, ReadOut& out) {
  std::string_view code;
  if (event.at_pointer("/errorCode").get(code) == simdjson::SUCCESS && !code.empty()) {
    const bool denied = code.find("Denied") != std::string_view::npos ||
                        code.find("Unauthorized") != std::string_view::npos ||
                        code.find("Forbidden") != std::string_view::npos;
    out.set(Field::outcome, denied ? "denied" : "failure");
  } else if (event.at_pointer("/errorMessage").get(code) == simdjson::SUCCESS && !code.empty()) {
    out.set(Field::outcome, "failure");
  }
  out.offer(Field::outcome, "success");
}

}  // namespace

JsonFormat cloudtrail() {
  return {{"cloudtrail",
           {{{"/eventVersion"}, ""}, {{"/eventSource"}, ""}, {{"/eventName"}, ""}},
           {{{"/userIdentity/userName", "/userIdentity/sessionContext/sessionIssuer/userName",
              "/userIdentity/arn", "/userIdentity/invokedBy", "/userIdentity/principalId",
              "/userIdentity/accountId", "/userIdentity/type"},
             {"/eventName"},
             {"/resources/0/ARN", "/requestParameters/bucketName", "/requestParameters/roleArn",
              "/requestParameters/userName", "/requestParameters/roleName",
              "/requestParameters/instanceId", "/requestParameters/name", "/eventSource"},
             {"/responseElements/ConsoleLogin"},
             {"/sourceIPAddress"},
             {}}},
           {"/eventTime"}},
          finish_cloudtrail};
}

}  // namespace stele::daemon
