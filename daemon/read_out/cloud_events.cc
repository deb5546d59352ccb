// CloudEvents: the envelope says what and where; who and how it ended are in its data, if anywhere.
#include "daemon/read_out/json_formats.h"

namespace stele::daemon {

JsonFormat cloud_events() {
  return {
      {"cloudevents",
       {{{"/specversion"}, ""}, {{"/id"}, ""}, {{"/source"}, ""}, {{"/type"}, ""}},
       {{{"/actor", "/authid", "/data/actor/name", "/data/actor", "/data/user/name", "/data/user"},
         {"/type"},
         {"/subject", "/data/target/name", "/data/target"},
         {"/outcome", "/data/outcome", "/data/status"},
         {"/source"},
         {{"/severitytext"}, "/data/severity"}}},
       {"/time"}},
      nullptr};
}

}  // namespace stele::daemon
