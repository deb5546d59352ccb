// Goal: a host that was dishonest when its log was provisioned is told before its TPM is locked,
// and an honest one is not. Method: a real TPM with a log; somebody who knows every authValue puts
// ordinary indexes in the place of C and E, has the real key sign a genesis that names them, and
// offers it like any host.
#include "tpm/relay_claim.h"

#include <gtest/gtest.h>

#include "attest/genesis.h"
#include "tests/tpm/provisioned.h"
#include "tpm/esys.h"
#include "tpm/templates.h"

namespace stele::test {
namespace {

using attest::Bytes;

// 0x02060004: C's and E's attributes, of an index that takes what is written to it.
constexpr TPMA_NV kOrdinary =
    TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD | TPMA_NV_NO_DA;

// In the place of what is there: an ordinary index that holds this value. Its Name.
attest::Name put_ordinary(Provisioned& log, std::uint32_t handle, const tpm::AuthValue& auth,
                          attest::ByteView value) {
  ESYS_CONTEXT* esys = log.device->esys();
  tpm::Object old = tpm::find_object(*log.device, handle);
  tpm::execute(*log.device, "TPM2_NV_UndefineSpace", [&] {
    return Esys_NV_UndefineSpace(esys, ESYS_TR_RH_OWNER, old.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                 ESYS_TR_NONE);
  });
  old.release();
  TPM2B_NV_PUBLIC area = tpm::counter_public(handle, false);
  area.nvPublic.attributes = kOrdinary;
  area.nvPublic.dataSize = static_cast<UINT16>(value.size());
  const TPM2B_AUTH secret = tpm::to_auth(auth);
  ESYS_TR index = ESYS_TR_NONE;
  tpm::execute(*log.device, "TPM2_NV_DefineSpace", [&] {
    return Esys_NV_DefineSpace(esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                               &secret, &area, &index);
  });
  TPM2B_MAX_NV_BUFFER bytes{};
  bytes.size = static_cast<UINT16>(value.size());
  std::copy(value.begin(), value.end(), bytes.buffer);
  Esys_TR_SetAuth(esys, index, &secret);
  tpm::execute(*log.device, "TPM2_NV_Write", [&] {
    return Esys_NV_Write(esys, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &bytes,
                         0);
  });
  Esys_TR_Close(esys, &index);
  area.nvPublic.attributes |= TPMA_NV_WRITTEN;
  return tpm::name_of(area);
}

// What the host says of its log: a genesis in mode a, and what its key signed about it.
tpm::RelayHello hello_of(Provisioned& log, const tpm::Credentials& credentials, Bytes genesis) {
  tpm::RelayHello hello;
  hello.endorsement_handle = 0x81010001;
  hello.ak_handle = credentials.ak_handle;
  hello.counter_handle = credentials.counter_handle;
  hello.extend_handle = credentials.extend_handle;
  hello.certificate = {1};
  const attest::Hash digest = attest::genesis_digest(genesis);
  const attest::Receipt receipt = tpm::read_back(*log.device, credentials, digest,
                                                 attest::read_back_extra_data(digest), false);
  hello.genesis_receipt = attest::encode(receipt);
  attest::TrustFile trust = *log.memory.trust;
  trust.log_id = attest::log_id(genesis);
  trust.counter_name = credentials.identity.counter_name;
  trust.extend_name = credentials.identity.extend_name;
  trust.first_counter = receipt.audit->counter;
  trust.first_extend = attest::first_extend(genesis);
  hello.trust = attest::to_text(trust);
  hello.genesis = std::move(genesis);
  return hello;
}

std::string claim_fault_of(const tpm::RelayHello& hello) {
  const auto trust = tpm::verify_relay_claim(hello);
  return trust ? "" : std::string(name(trust.error().fault));
}

TEST(RelayClaim, AnHonestLogInModeAIsTaken) {
  Provisioned log(attest::Mode::a);
  EXPECT_EQ(claim_fault_of(hello_of(log, log.credentials(), *log.memory.kept.genesis)), "");
}

TEST(RelayClaim, OrdinaryIndexesAreRefusedWhateverTheTpmSignedOfThem) {
  Provisioned log(attest::Mode::b);
  attest::Genesis genesis = *attest::decode_genesis(*log.memory.kept.genesis);
  genesis.mode = log.memory.trust->mode = attest::Mode::a;
  tpm::Credentials credentials = log.credentials();
  const auto put = [&](const Bytes& counter, const attest::Hash& extend) {
    genesis.counter_name = credentials.identity.counter_name =
        put_ordinary(log, credentials.counter_handle, credentials.counter_auth, counter);
    genesis.extend_name = credentials.identity.extend_name =
        put_ordinary(log, credentials.extend_handle, credentials.extend_auth, extend.bytes);
  };
  const Bytes nine = {0, 0, 0, 0, 0, 0, 0, 9};
  put(nine, {});
  // Now that their Names are known: what E is to show follows from the genesis.
  const Bytes encoded = attest::encode(genesis);
  put(nine, attest::first_extend(encoded));
  const tpm::RelayHello hello = hello_of(log, credentials, encoded);
  // All that the key signed holds: nothing but the kind of the indexes is wrong.
  const auto receipt = attest::decode_receipt(hello.genesis_receipt);
  ASSERT_TRUE(receipt);
  EXPECT_TRUE(attest::verify_receipt(*receipt, credentials.identity,
                                     attest::genesis_digest(encoded), 9,
                                     attest::first_extend(encoded)));
  EXPECT_EQ(claim_fault_of(hello), "index_unfit");
}

}  // namespace
}  // namespace stele::test
