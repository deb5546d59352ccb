#include "tpm/salted_session.h"

#include <tss2/tss2_mu.h>

#include <algorithm>

#include "attest/codec.h"
#include "tpm/hierarchies.h"
#include "tpm/outside_lock.h"
#include "tpm/primary.h"
#include "tpm/templates.h"

namespace stele::tpm {
namespace {

Object require_object(Device& device, std::uint32_t handle, const char* what) {
  Object object = find_object(device, handle);
  if (!object) {
    throw LockRefused("the host's TPM does not hold " + std::string(what) +
                      " where the host says: run provision again there");
  }
  return object;
}

// Whether this is the key of exactly that area, as ESYS writes it down: handle, Name, kind 1 (a
// key), area. The Name, which the host chose, and the area each have their length before them: one
// area within another, such as in its modulus, is not taken for it.
bool is_serialized_key(attest::ByteView held, std::uint32_t handle, attest::ByteView area) {
  constexpr std::uint32_t kKey = 1;
  attest::Reader reader(held);
  const bool is_key_there = reader.u32() == handle;
  reader.sized16();
  const bool is_key = reader.u32() == kKey;
  const attest::ByteView held_area = reader.sized16();
  return reader.done() && is_key_there && is_key && std::ranges::equal(held_area, area);
}

}  // namespace

SaltedSession::SaltedSession(Device& device, std::uint32_t endorsement_handle,
                             const std::function<void(attest::ByteView)>& judge)
    : device_(device) {
  const Object key = key_with(endorsement_handle, judge);
  const TPMT_SYM_DEF symmetric = parameter_encryption();
  ESYS_TR reference = ESYS_TR_NONE;
  execute(device, "TPM2_StartAuthSession", [&] {
    return Esys_StartAuthSession(device.esys(), key.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                 ESYS_TR_NONE, nullptr, TPM2_SE_HMAC, &symmetric, TPM2_ALG_SHA256,
                                 &reference);
  });
  session_ = Object(device, reference, Object::End::flush);
}

Object SaltedSession::key_with(std::uint32_t handle,
                               const std::function<void(attest::ByteView)>& judge) {
  Object key = require_object(device_, handle, "its endorsement key");
  EsysPtr<TPM2B_PUBLIC> area;
  EsysPtr<TPM2B_NAME> name, qualified_name;
  execute(device_, "TPM2_ReadPublic", [&] {
    return Esys_ReadPublic(device_.esys(), key.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                           out(area), out(name), out(qualified_name));
  });
  const attest::Bytes judged = marshal(area->publicArea);
  judge(judged);
  // What ESYS holds of the key came in an answer before: it must be the one that was judged.
  std::size_t size = 0;
  std::uint8_t* raw = nullptr;
  execute(device_, "looking at a key",
          [&] { return Esys_TR_Serialize(device_.esys(), key.get(), &raw, &size); });
  const EsysPtr<std::uint8_t> held(raw);
  if (!is_serialized_key({raw, size}, handle, judged)) {
    throw LockRefused(
        "the host showed two different endorsement keys: somebody there, or between, wants to read "
        "the secrets. None was sent; examine this host");
  }
  return key;
}

void SaltedSession::attributes(TPMA_SESSION wanted) {
  execute(device_, "setting a session's attributes", [&] {
    return Esys_TRSess_SetAttributes(device_.esys(), session_.get(),
                                     wanted | TPMA_SESSION_CONTINUESESSION, 0xff);
  });
}

HierarchyState SaltedSession::hierarchies() {
  attributes(TPMA_SESSION_AUDIT);
  EsysPtr<TPMS_CAPABILITY_DATA> found;
  execute(device_, "TPM2_GetCapability", [&] {
    return Esys_GetCapability(device_.esys(), session_.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                              TPM2_CAP_TPM_PROPERTIES, TPM2_PT_PERMANENT, 1, nullptr, out(found));
  });
  return hierarchy_state(*found);
}

attest::Bytes SaltedSession::key_at(std::uint32_t handle, const attest::Name& qualified_name) {
  const Object key = require_object(device_, handle, "its attestation key");
  attributes(TPMA_SESSION_AUDIT);
  EsysPtr<TPM2B_PUBLIC> area;
  EsysPtr<TPM2B_NAME> name, qualified;
  execute(device_, "TPM2_ReadPublic", [&] {
    return Esys_ReadPublic(device_.esys(), key.get(), session_.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                           out(area), out(name), out(qualified));
  });
  if (!std::equal(qualified->name, qualified->name + std::min<std::size_t>(qualified->size, 64),
                  qualified_name.begin(), qualified_name.end())) {
    throw LockRefused(
        "the attestation key in the host's TPM is not a primary key of the owner hierarchy: "
        "examine this host");
  }
  return marshal(area->publicArea);
}

attest::Name SaltedSession::index_at(std::uint32_t handle) {
  const Object index = require_object(device_, handle, "its counter or extend index");
  attributes(TPMA_SESSION_AUDIT);
  EsysPtr<TPM2B_NV_PUBLIC> area;
  EsysPtr<TPM2B_NAME> name;
  execute(device_, "TPM2_NV_ReadPublic", [&] {
    return Esys_NV_ReadPublic(device_.esys(), index.get(), session_.get(), ESYS_TR_NONE,
                              ESYS_TR_NONE, out(area), out(name));
  });
  return name_of(*area);
}

attest::Bytes SaltedSession::read(std::uint32_t handle, std::uint16_t size) {
  const Object index = require_object(device_, handle, "its counter or extend index");
  attributes(0);
  EsysPtr<TPM2B_MAX_NV_BUFFER> found;
  execute(device_, "TPM2_NV_Read", [&] {
    return Esys_NV_Read(device_.esys(), ESYS_TR_RH_OWNER, index.get(), session_.get(), ESYS_TR_NONE,
                        ESYS_TR_NONE, size, 0, out(found));
  });
  attest::Bytes bytes(found->buffer, found->buffer + std::min<UINT16>(found->size, size));
  if (bytes.size() != size) throw LockRefused("the host's TPM returned too little of an index");
  return bytes;
}

void SaltedSession::change_auth(ESYS_TR hierarchy, attest::ByteView new_auth) {
  attributes(TPMA_SESSION_DECRYPT);
  const TPM2B_AUTH value = to_auth(new_auth);
  execute(device_, "TPM2_HierarchyChangeAuth", [&] {
    return Esys_HierarchyChangeAuth(device_.esys(), hierarchy, session_.get(), ESYS_TR_NONE,
                                    ESYS_TR_NONE, &value);
  });
  use_auth(device_, hierarchy, true, new_auth);
}

void SaltedSession::unset_policy(ESYS_TR hierarchy) {
  attributes(0);
  const TPM2B_DIGEST none{};
  execute(device_, "TPM2_SetPrimaryPolicy", [&] {
    return Esys_SetPrimaryPolicy(device_.esys(), hierarchy, session_.get(), ESYS_TR_NONE,
                                 ESYS_TR_NONE, &none, TPM2_ALG_NULL);
  });
}

void SaltedSession::disable_clear() {
  attributes(0);
  execute(device_, "TPM2_ClearControl", [&] {
    return Esys_ClearControl(device_.esys(), ESYS_TR_RH_LOCKOUT, session_.get(), ESYS_TR_NONE,
                             ESYS_TR_NONE, TPM2_YES);
  });
}

}  // namespace stele::tpm
