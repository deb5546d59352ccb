// An endorsement key's public area: of a template or refused; a credential for what is read has the
// sizes that TPM2_ActivateCredential takes.
#include "attest/identity/credential.h"
#include "attest/identity/enrolment.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(ek_public) {
  const auto ek = EndorsementPublic::parse(input);
  if (!ek) return false;
  ENSURE(stele::test::same(ek->encoded(), input));
  CredentialRandom random{};
  random.fill(0x5a);
  const Credential credential = make_credential(*ek, Name{}, Bytes(32, 1), random);
  ENSURE(credential.id_object.size() <= kMaxCredentialBytes);
  ENSURE(credential.encrypted_secret.size() <= kMaxCredentialBytes);
  return true;
}
