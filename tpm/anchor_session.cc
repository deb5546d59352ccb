#include "tpm/anchor_session.h"

#include <algorithm>

#include "attest/codec.h"
#include "tpm/primary.h"

namespace stele::tpm {
namespace {

constexpr std::uint16_t kCounterBytes = 8;
constexpr std::uint16_t kExtendBytes = 32;

}  // namespace

Object start_audit_session(Device& device) {
  return start_hmac_session(device, no_encryption());
}

Object find_ak(Device& device, const Credentials& credentials) {
  Object ak = find_object(device, credentials.ak_handle, credentials.identity.ak.name());
  ak.set_auth(credentials.ak_auth);
  return ak;
}

AnchorSession::AnchorSession(Device& device, const Credentials& credentials)
    : device_(device),
      endorsement_auth_(credentials.endorsement_auth),
      ak_(find_ak(device, credentials)),
      counter_(find_object(device, credentials.counter_handle, credentials.identity.counter_name)),
      extend_(find_object(device, credentials.extend_handle, credentials.identity.extend_name)),
      session_(start_audit_session(device)) {
  counter_.set_auth(credentials.counter_auth);
  extend_.set_auth(credentials.extend_auth);
}

void AnchorSession::next_command() {
  const TPMA_SESSION attributes = TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_AUDIT |
                                  (first_ ? TPMA_SESSION_AUDITRESET : TPMA_SESSION_AUDITEXCLUSIVE);
  execute(device_, "setting session attributes", [&] {
    return Esys_TRSess_SetAttributes(device_.esys(), session_.get(), attributes, 0xff);
  });
}

void AnchorSession::increment() {
  next_command();
  execute(device_, "TPM2_NV_Increment", [&] {
    return Esys_NV_Increment(device_.esys(), counter_.get(), counter_.get(), session_.get(),
                             ESYS_TR_NONE, ESYS_TR_NONE);
  });
  first_ = false;
}

void AnchorSession::extend(const attest::Hash& digest) {
  TPM2B_MAX_NV_BUFFER value{};
  value.size = kExtendBytes;
  std::copy(digest.bytes.begin(), digest.bytes.end(), value.buffer);
  next_command();
  execute(device_, "TPM2_NV_Extend", [&] {
    return Esys_NV_Extend(device_.esys(), extend_.get(), extend_.get(), session_.get(),
                          ESYS_TR_NONE, ESYS_TR_NONE, &value);
  });
  first_ = false;
}

attest::Bytes AnchorSession::read_index(const Object& index, std::uint16_t size_bytes) {
  EsysPtr<TPM2B_MAX_NV_BUFFER> value;
  next_command();
  execute(device_, "TPM2_NV_Read", [&] {
    return Esys_NV_Read(device_.esys(), index.get(), index.get(), session_.get(), ESYS_TR_NONE,
                        ESYS_TR_NONE, size_bytes, 0, out(value));
  });
  first_ = false;
  return {value->buffer, value->buffer + value->size};
}

void AnchorSession::read() {
  const attest::Bytes counter = read_index(counter_, kCounterBytes);
  const attest::Bytes extend = read_index(extend_, kExtendBytes);
  part_.counter = attest::Reader(counter).u64();
  part_.extend = attest::Reader(extend).hash();
}

attest::AuditPart AnchorSession::sign(const attest::Hash& extra_data) {
  const TPM2B_AUTH endorsement = to_auth(endorsement_auth_);
  execute(device_, "setting the endorsement authValue",
          [&] { return Esys_TR_SetAuth(device_.esys(), ESYS_TR_RH_ENDORSEMENT, &endorsement); });
  const TPM2B_DATA qualifying_data = to_qualifying_data(extra_data);
  const TPMT_SIG_SCHEME scheme_of_key{.scheme = TPM2_ALG_NULL, .details = {}};
  EsysPtr<TPM2B_ATTEST> attest;
  EsysPtr<TPMT_SIGNATURE> signature;
  execute(device_, "TPM2_GetSessionAuditDigest", [&] {
    return Esys_GetSessionAuditDigest(device_.esys(), ESYS_TR_RH_ENDORSEMENT, ak_.get(),
                                      session_.get(), ESYS_TR_PASSWORD, ESYS_TR_PASSWORD,
                                      ESYS_TR_NONE, &qualifying_data, &scheme_of_key, out(attest),
                                      out(signature));
  });
  part_.signed_attestation = to_signed(*attest, *signature);
  return part_;
}

}  // namespace stele::tpm
