// An EK certificate as a TPM's NV memory holds it: read or refused, and what is read has a key that
// a secret can be sent to, and names that a trust file can hold.
#include "attest/identity/ek_certificate.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(ek_certificate) {
  const ByteView der = without_padding(input);
  ENSURE(der.size() <= input.size());
  std::size_t in_chain = 0;
  for (const Bytes& one : split_certificates(input)) in_chain += one.size();
  ENSURE(in_chain <= input.size());
  const auto certificate = EkCertificate::parse(der);
  if (!certificate) return false;
  ENSURE(is_trust_text(certificate->manufacturer()) && !certificate->manufacturer().empty());
  ENSURE(is_trust_text(certificate->model()) && !certificate->model().empty());
  ENSURE(certificate->verify_holds(certificate->key()).has_value());
  const PinnedRoots nobody;
  ENSURE(!certificate->verify_chain({}, nobody, 1'795'000'000).has_value());
  return true;
}
