// Any other JSON object whose members are called as our fields are, with the usual names beside
// them.
#include "daemon/read_out/json_formats.h"

namespace stele::daemon {

JsonFormat plain_json() {
  return {
      {"json",
       {},
       {{{"/actor", "/actor/name", "/actor/user", "/actor/id", "/user", "/user/name", "/username"},
         {"/action", "/event", "/operation", "/verb"},
         {"/target", "/target/name", "/target/id", "/resource", "/resource/name", "/object"},
         {"/outcome", "/result", "/status", "/success"},
         {"/origin", "/origin/ip", "/origin/host", "/source_ip", "/remote_addr", "/host",
          "/hostname"},
         {"/severity", "/level"}}},
       {"/time", "/timestamp", "/ts"}},
      nullptr};
}

}  // namespace stele::daemon
