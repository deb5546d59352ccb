#include "tools/stele/hand_out.h"

namespace stele::tools {

HandOut::HandOut(const Site& site, const boost::json::object& request)
    : daemon_(find_daemon(site)) {
  if (daemon_) daemon_->ask(request);
}

void HandOut::tell(const boost::json::object& outcome) {
  if (daemon_) daemon_->ask(outcome);
}

}  // namespace stele::tools
