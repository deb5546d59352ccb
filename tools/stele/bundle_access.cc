#include "tools/stele/bundle_access.h"

namespace stele::tools {
namespace {

// As many as the daemon takes (kMaxBundleIntervals, daemon/control_request.h).
constexpr std::size_t kMostIntervals = 256;

}  // namespace

BundleAccess::BundleAccess(const Site& site, const boost::json::object& what)
    : daemon_(find_daemon(site)) {
  if (!daemon_) return;
  boost::json::object request = what;
  request["do"] = "bundle";
  daemon_->ask(request);
}

void BundleAccess::tell(const boost::json::object& outcome) {
  if (daemon_) daemon_->ask(outcome);
}

boost::json::array named_intervals(const attest::IndexRanges& shown) {
  boost::json::array named;
  for (const auto& [begin, end] : shown.intervals()) {
    if (named.size() == kMostIntervals) {
      named.back().as_array()[1] = shown.end();
      break;
    }
    named.push_back(boost::json::array{begin, end});
  }
  return named;
}

}  // namespace stele::tools
