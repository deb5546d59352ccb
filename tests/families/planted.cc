#include "tests/families/planted.h"

#include <cstdio>

namespace stele::test {
namespace {

using tpm::EsysPtr;
using tpm::Object;
using tpm::out;

ESYS_TR definer_of(const TPM2B_NV_PUBLIC& area) {
  return (area.nvPublic.attributes & TPMA_NV_PLATFORMCREATE) != 0 ? ESYS_TR_RH_PLATFORM
                                                                  : ESYS_TR_RH_OWNER;
}

std::vector<TPM2_HANDLE> handles_from(tpm::Device& device, TPM2_HANDLE first) {
  EsysPtr<TPMS_CAPABILITY_DATA> found;
  tpm::execute(device, "TPM2_GetCapability", [&] {
    return Esys_GetCapability(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES, nullptr, out(found));
  });
  const TPML_HANDLE& list = found->data.handles;
  return {list.handle, list.handle + list.count};
}

// The whole Name, whatever its algorithm.
std::string name_in_hex(tpm::Device& device, TPM2_HANDLE handle) {
  const Object object = tpm::find_object(device, handle);
  EsysPtr<TPM2B_NAME> name;
  tpm::execute(device, "reading a Name",
               [&] { return Esys_TR_GetName(device.esys(), object.get(), out(name)); });
  return attest::to_hex({name->name, name->size});
}

}  // namespace

TSS2_RC define(tpm::Device& device, const TPM2B_NV_PUBLIC& area, attest::ByteView auth) {
  const TPM2B_AUTH value = tpm::to_auth(auth);
  ESYS_TR index = ESYS_TR_NONE;
  const TSS2_RC rc = Esys_NV_DefineSpace(device.esys(), definer_of(area), ESYS_TR_PASSWORD,
                                         ESYS_TR_NONE, ESYS_TR_NONE, &value, &area, &index);
  if (index != ESYS_TR_NONE) Esys_TR_Close(device.esys(), &index);
  return rc;
}

TSS2_RC undefine(tpm::Device& device, const TPM2B_NV_PUBLIC& area) {
  Object index = tpm::find_object(device, area.nvPublic.nvIndex);
  const TSS2_RC rc = Esys_NV_UndefineSpace(device.esys(), definer_of(area), index.get(),
                                           ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE);
  if (rc == TSS2_RC_SUCCESS) index.release();
  return rc;
}

void plant_key(tpm::Device& device, const TPM2B_PUBLIC& area, std::uint32_t handle) {
  const TPM2B_SENSITIVE_CREATE sensitive{};
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION no_pcrs{};
  ESYS_TR made = ESYS_TR_NONE;
  tpm::execute(device, "TPM2_CreatePrimary", [&] {
    return Esys_CreatePrimary(device.esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                              ESYS_TR_NONE, &sensitive, &area, &outside, &no_pcrs, &made, nullptr,
                              nullptr, nullptr, nullptr);
  });
  const Object key(device, made, Object::End::flush);
  ESYS_TR persistent = ESYS_TR_NONE;
  tpm::execute(device, "TPM2_EvictControl", [&] {
    return Esys_EvictControl(device.esys(), ESYS_TR_RH_OWNER, key.get(), ESYS_TR_PASSWORD,
                             ESYS_TR_NONE, ESYS_TR_NONE, handle, &persistent);
  });
  Esys_TR_Close(device.esys(), &persistent);
}

void evict_key(tpm::Device& device, std::uint32_t handle) {
  Object key = tpm::find_object(device, handle);
  ESYS_TR gone = ESYS_TR_NONE;
  tpm::execute(device, "TPM2_EvictControl", [&] {
    return Esys_EvictControl(device.esys(), ESYS_TR_RH_OWNER, key.get(), ESYS_TR_PASSWORD,
                             ESYS_TR_NONE, ESYS_TR_NONE, handle, &gone);
  });
  key.release();
}

std::vector<std::string> lasting(tpm::Device& device) {
  std::vector<std::string> found;
  for (const TPM2_HANDLE first : {TPM2_NV_INDEX_FIRST, TPM2_PERSISTENT_FIRST}) {
    for (const TPM2_HANDLE handle : handles_from(device, first)) {
      char text[9];
      std::snprintf(text, sizeof text, "%08x", handle);
      found.push_back(std::string(text) + " " + name_in_hex(device, handle));
    }
  }
  return found;
}

}  // namespace stele::test
