#include "tpm/esys.h"

#include <tss2/tss2_mu.h>
#include <tss2/tss2_tcti.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "attest/check.h"

namespace stele::tpm {
namespace {

template <class T>
void put_end(std::array<std::uint8_t, 32>& out, const T& number) {
  // Canonical fixed length: TPMs may return r or s shorter.
  if (number.size > out.size())
    throw TpmError(TSS2_ESYS_RC_MALFORMED_RESPONSE, "reading a signature");
  std::copy_n(number.buffer, number.size, out.end() - number.size);
}

void flush_kind(Device& device, TPM2_HANDLE first) {
  EsysPtr<TPMS_CAPABILITY_DATA> found;
  execute(device, "TPM2_GetCapability", [&] {
    return Esys_GetCapability(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES, nullptr, out(found));
  });
  for (std::uint32_t i = 0; i < found->data.handles.count; ++i) {
    flush(device, found->data.handles.handle[i]);
  }
}

}  // namespace

void execute(Device& device, const char* command, const std::function<TSS2_RC()>& call) {
  const auto deadline = std::chrono::steady_clock::now() + device.limits().busy;
  std::chrono::milliseconds wait{10};
  for (;;) {
    const TSS2_RC rc = call();
    if (rc == TSS2_RC_SUCCESS) return;
    TpmError error(rc, command);
    const auto now = std::chrono::steady_clock::now();
    if (error.kind() != TpmError::Kind::busy || now >= deadline) throw error;
    std::this_thread::sleep_for(
        std::min<std::chrono::steady_clock::duration>(wait, deadline - now));
    wait = std::min(wait * 2, std::chrono::milliseconds(1000));
  }
}

void execute_with_room(Device& device, const char* command, const std::function<TSS2_RC()>& call) {
  try {
    execute(device, command, call);
  } catch (const TpmError& error) {
    if (error.kind() != TpmError::Kind::full) throw;
    flush_left_over(device);
    execute(device, command, call);
  }
}

Object& Object::operator=(Object&& other) noexcept {
  if (this != &other) {
    reset();
    device_ = other.device_;
    end_ = other.end_;
    reference_ = other.release();
  }
  return *this;
}

ESYS_TR Object::release() {
  return std::exchange(reference_, ESYS_TR_NONE);
}

void Object::reset() {
  if (reference_ == ESYS_TR_NONE) return;
  // Failing is fine: a lost device has nothing to flush, and what stays is flush_left_over's.
  ESYS_TR reference = release();
  if (end_ == End::flush && Esys_FlushContext(device_->esys(), reference) == TSS2_RC_SUCCESS)
    return;
  Esys_TR_Close(device_->esys(), &reference);
}

void Object::set_auth(attest::ByteView auth) {
  const TPM2B_AUTH value = to_auth(auth);
  execute(*device_, "setting an authValue",
          [&] { return Esys_TR_SetAuth(device_->esys(), reference_, &value); });
}

attest::Name Object::name() const {
  EsysPtr<TPM2B_NAME> found;
  execute(*device_, "reading a Name",
          [&] { return Esys_TR_GetName(device_->esys(), reference_, out(found)); });
  attest::Name name{};
  if (found->size == name.size()) std::copy_n(found->name, name.size(), name.begin());
  return name;  // another hash algorithm: all zero, equal to nothing
}

Object find_object(Device& device, TPM2_HANDLE handle) {
  ESYS_TR reference = ESYS_TR_NONE;
  // A persistent key takes a slot for objects for as long as it is looked at, an index does not.
  const bool takes_slot = (handle & TPM2_HR_RANGE_MASK) == TPM2_HR_PERSISTENT;
  try {
    (takes_slot ? execute_with_room : execute)(device, "reading a public area", [&] {
      return Esys_TR_FromTPMPublic(device.esys(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                   &reference);
    });
  } catch (const TpmError& error) {
    if (error.kind() == TpmError::Kind::missing) return {};
    throw;
  }
  return Object(device, reference, Object::End::close);
}

Object find_object(Device& device, TPM2_HANDLE handle, const attest::Name& name) {
  Object object = find_object(device, handle);
  char text[11];
  std::snprintf(text, sizeof text, "0x%08X", handle);
  if (!object) throw TpmError(TPM2_RC_HANDLE, text, TpmError::advice(TPM2_RC_HANDLE));
  if (object.name() != name) {
    throw TpmError(
        TPM2_RC_HANDLE, text,
        "what is at this handle is not what this log was provisioned with (another Name): "
        "somebody put it there; stop and examine this host");
  }
  return object;
}

TPM2B_AUTH to_auth(attest::ByteView auth) {
  TPM2B_AUTH value{};
  ENSURE(auth.size() <= sizeof value.buffer);
  while (!auth.empty() && auth.back() == 0) auth = auth.first(auth.size() - 1);
  value.size = static_cast<UINT16>(auth.size());
  std::copy(auth.begin(), auth.end(), value.buffer);
  return value;
}

TPM2B_DATA to_qualifying_data(const attest::Hash& hash) {
  TPM2B_DATA value{};
  value.size = static_cast<UINT16>(hash.bytes.size());
  std::copy(hash.bytes.begin(), hash.bytes.end(), value.buffer);
  return value;
}

attest::SignedAttestation to_signed(const TPM2B_ATTEST& attest, const TPMT_SIGNATURE& signature) {
  attest::SignedAttestation out;
  out.attest.assign(attest.attestationData, attest.attestationData + attest.size);
  put_end(out.r, signature.signature.ecdsa.signatureR);
  put_end(out.s, signature.signature.ecdsa.signatureS);
  return out;
}

attest::Bytes marshal(const TPMT_PUBLIC& area) {
  attest::Bytes bytes(sizeof area);
  std::size_t size = 0;
  const TSS2_RC rc = Tss2_MU_TPMT_PUBLIC_Marshal(&area, bytes.data(), bytes.size(), &size);
  if (rc != TSS2_RC_SUCCESS) throw TpmError(rc, "the public area of a key, as the TPM shows it");
  bytes.resize(size);
  return bytes;
}

attest::Bytes marshal(const TPMS_NV_PUBLIC& area) {
  attest::Bytes bytes(sizeof area);
  std::size_t size = 0;
  const TSS2_RC rc = Tss2_MU_TPMS_NV_PUBLIC_Marshal(&area, bytes.data(), bytes.size(), &size);
  if (rc != TSS2_RC_SUCCESS) throw TpmError(rc, "the public area of an index, as the TPM shows it");
  bytes.resize(size);
  return bytes;
}

attest::Bytes pass_on(Device& device, attest::ByteView command) {
  TSS2_TCTI_CONTEXT* tcti = nullptr;
  attest::Bytes response(TPM2_MAX_RESPONSE_SIZE);
  std::size_t size = response.size();
  TSS2_RC rc = Esys_GetTcti(device.esys(), &tcti);
  if (rc == TSS2_RC_SUCCESS) rc = Tss2_Tcti_Transmit(tcti, command.size(), command.data());
  if (rc == TSS2_RC_SUCCESS) {
    rc = Tss2_Tcti_Receive(tcti, &size, response.data(), TSS2_TCTI_TIMEOUT_BLOCK);
  }
  if (rc != TSS2_RC_SUCCESS) throw TpmError(rc, "passing a command on");
  response.resize(size);
  return response;
}

void flush(Device& device, std::uint32_t handle) {
  std::array<std::uint8_t, 14> command{};
  std::size_t at = 0;
  Tss2_MU_TPM2_ST_Marshal(TPM2_ST_NO_SESSIONS, command.data(), command.size(), &at);
  Tss2_MU_UINT32_Marshal(command.size(), command.data(), command.size(), &at);
  Tss2_MU_TPM2_CC_Marshal(TPM2_CC_FlushContext, command.data(), command.size(), &at);
  Tss2_MU_UINT32_Marshal(handle, command.data(), command.size(), &at);
  try {
    pass_on(device, command);
  } catch (const TpmError&) {
    return;
  }
}

void flush_left_over(Device& device) {
  flush_kind(device, TPM2_LOADED_SESSION_FIRST);
  flush_kind(device, TPM2_TRANSIENT_FIRST);
}

}  // namespace stele::tpm
