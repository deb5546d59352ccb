#include "tpm/scratch_objects.h"

#include <algorithm>

#include "tpm/primary.h"
#include "tpm/templates.h"

namespace stele::tpm {
namespace {

ESYS_TR define(Device& device, const TPM2B_NV_PUBLIC& area) {
  const TPM2B_AUTH no_auth{};
  ESYS_TR index = ESYS_TR_NONE;
  execute(device, "TPM2_NV_DefineSpace", [&] {
    return Esys_NV_DefineSpace(device.esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                               ESYS_TR_NONE, &no_auth, &area, &index);
  });
  return index;
}

}  // namespace

ScratchIndex::ScratchIndex(Device& device, const TPM2B_NV_PUBLIC& area)
    : device_(&device), index_(device, define(device, area), Object::End::close) {}

ScratchIndex ScratchIndex::adopt(Device& device, TPM2_HANDLE handle) {
  Object index = find_object(device, handle);
  if (!index) throw TpmError(TPM2_RC_HANDLE, "a scratch index", TpmError::advice(TPM2_RC_HANDLE));
  return {device, std::move(index)};
}

ScratchIndex::ScratchIndex(ScratchIndex&& other) noexcept
    : device_(other.device_), index_(std::move(other.index_)) {}

ScratchIndex::~ScratchIndex() {
  try {
    undefine();
  } catch (const std::exception&) {
    // A TPM that does not answer: the next selftest says that an index is left over.
  }
}

void ScratchIndex::undefine() {
  if (!index_) return;
  execute(*device_, "TPM2_NV_UndefineSpace", [&] {
    return Esys_NV_UndefineSpace(device_->esys(), ESYS_TR_RH_OWNER, index_.get(), ESYS_TR_PASSWORD,
                                 ESYS_TR_NONE, ESYS_TR_NONE);
  });
  index_.release();
}

void ScratchIndex::increment(ESYS_TR session) {
  execute(*device_, "TPM2_NV_Increment", [&] {
    return Esys_NV_Increment(device_->esys(), get(), get(), session, ESYS_TR_NONE, ESYS_TR_NONE);
  });
}

void ScratchIndex::extend(const attest::Hash& digest, ESYS_TR session) {
  TPM2B_MAX_NV_BUFFER value{};
  value.size = static_cast<UINT16>(digest.bytes.size());
  std::copy(digest.bytes.begin(), digest.bytes.end(), value.buffer);
  execute(*device_, "TPM2_NV_Extend", [&] {
    return Esys_NV_Extend(device_->esys(), get(), get(), session, ESYS_TR_NONE, ESYS_TR_NONE,
                          &value);
  });
}

attest::Bytes ScratchIndex::read(std::uint16_t size_bytes, ESYS_TR session) {
  EsysPtr<TPM2B_MAX_NV_BUFFER> value;
  execute(*device_, "TPM2_NV_Read", [&] {
    return Esys_NV_Read(device_->esys(), get(), get(), session, ESYS_TR_NONE, ESYS_TR_NONE,
                        size_bytes, 0, out(value));
  });
  return {value->buffer, value->buffer + value->size};
}

Object make_scratch_key(Device& device) {
  return create_primary(device, ESYS_TR_RH_OWNER,
                        ak_template(attest::hash(attest::view("stele/selftest"))))
      .object;
}

void set_audit(Device& device, const Object& session, bool is_first) {
  const TPMA_SESSION attributes =
      TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_AUDIT |
      (is_first ? TPMA_SESSION_AUDITRESET : TPMA_SESSION_AUDITEXCLUSIVE);
  execute(device, "setting session attributes", [&] {
    return Esys_TRSess_SetAttributes(device.esys(), session.get(), attributes, 0xff);
  });
}

}  // namespace stele::tpm
