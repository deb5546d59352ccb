// OCSF: class and activity are names, status and severity have numbers of their own.
#include "daemon/read_out/json_formats.h"

namespace stele::daemon {
namespace {

// severity_id: 1 informational … 6 fatal; status_id: 1 success, 2 failure.
void finish_ocsf(const simdjson::dom::element& event, ReadOut& out) {
  static constexpr std::string_view kSeverities[] = {"",    "info", "notice", "warning",
                                                     "err", "crit", "emerg"};
  std::int64_t number = 0;
  if (event.at_pointer("/severity_id").get(number) == simdjson::SUCCESS && number > 0 &&
      number < 7) {
    out.set(Field::severity, kSeverities[number]);
  }
  if (event.at_pointer("/status_id").get(number) == simdjson::SUCCESS) {
    if (number == 1) out.set(Field::outcome, "success");
    if (number == 2) out.set(Field::outcome, "failure");
  }
  if (event.at_pointer("/disposition_id").get(number) == simdjson::SUCCESS && number == 2) {
    out.set(Field::outcome, "denied");
  }
}

}  // namespace

JsonFormat ocsf() {
  return {{"ocsf",
           {{{"/class_uid"}, ""}, {{"/category_uid"}, ""}},
           {{{"/actor/user/name", "/actor/user/uid", "/user/name", "/user/uid",
              "/actor/process/user/name", "/actor/process/name"},
             {"/api/operation", "/activity_name", "/type_name", "/class_name", "/activity_id"},
             {"/resources/0/name", "/resources/0/uid", "/resource/name", "/resource/uid",
              "/file/path", "/process/file/path", "/process/name", "/dst_endpoint/hostname",
              "/dst_endpoint/ip", "/service/name", "/device/hostname"},
             {"/status"},
             {"/src_endpoint/ip", "/src_endpoint/hostname", "/device/ip", "/device/hostname"},
             {"/severity"}}},
           {{"/time_dt"}, "/time"}},
          finish_ocsf};
}

}  // namespace stele::daemon
