// What an auditor is asked to sign: written back the same, and whatever it claims is judged without
// harm.
#include "attest/era.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(era_request) {
  const std::string_view text{reinterpret_cast<const char*>(input.data()), input.size()};
  const auto request = parse_era_request(text);
  if (!request) return false;
  ENSURE(to_text(*request) == text);
  if (request->trust.earlier.empty()) return false;
  const auto gap = verify_succession(request->genesis, request->trust, request->trust.earlier[0]);
  if (!gap) return false;
  ENSURE(log_id(request->genesis) == request->trust.log_id);
  ENSURE(!gap->confirmed || gap->lost == 0);
  return true;
}
