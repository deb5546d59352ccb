#include "attest/certificate.h"

#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

// A peer's certificate in DER: whatever its names are, they are text, and are judged without
// surprise.
FUZZ_TARGET(certificate) {
  const auto names = decode_certificate(input);
  if (!names) return false;
  for (const std::string& name : names->dns) {
    ENSURE(!name.empty() && name.find('\0') == std::string::npos);
    ENSURE(allows({name}, *names) || name.starts_with("*."));
  }
  for (const std::string& address : names->addresses) ENSURE(allows({address}, *names));
  ENSURE(!allows({}, *names));
  return true;
}
