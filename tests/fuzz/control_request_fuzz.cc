#include "daemon/control_request.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(control_request) {
  const auto request =
      decode_control_request({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!request) return false;
  const auto again = decode_control_request(request->canonical);
  ENSURE(again && again->what == request->what && again->index == request->index);
  ENSURE(again->nonce == request->nonce && again->query.limit == request->query.limit);
  ENSURE(again->canonical == request->canonical);
  return true;
}
