// ECS: nested, or with dots in the names, as shippers write both.
#include "daemon/read_out/json_formats.h"

namespace stele::daemon {

JsonFormat ecs() {
  return {{"ecs",
           {{{"/ecs/version", "/ecs.version"}, ""}},
           {{{"/user/name", "/user.name", "/user/id", "/user.id", "/user/email", "/user.email"},
             {"/event/action", "/event.action"},
             {"/user/target/name", "/user.target.name", "/file/path", "/file.path",
              "/process/executable", "/process.executable", "/url/path", "/url.path",
              "/destination/address", "/destination.address", "/destination/ip", "/destination.ip",
              "/service/name", "/service.name"},
             {"/event/outcome", "/event.outcome"},
             {"/source/ip", "/source.ip", "/source/address", "/source.address", "/client/ip",
              "/client.ip", "/host/name", "/host.name", "/host/hostname", "/host.hostname"},
             {"/log/level", "/log.level", "/log/syslog/severity/name"}}},
           {"/@timestamp"}},
          nullptr};
}

}  // namespace stele::daemon
