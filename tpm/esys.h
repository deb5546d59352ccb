// What every ESYS call in this room goes through: errors as TpmError, patience with a busy TPM,
// RAII.
//
// Internal to tpm/. Thread safety: none. Blocks: each command. Errors: TpmError.
#pragma once

#include <tss2/tss2_esys.h>

#include <functional>
#include <memory>

#include "attest/attestation.h"
#include "attest/hash.h"
#include "tpm/device.h"

namespace stele::tpm {

// Runs one command; while the TPM says that it is busy, runs it again with back-off (in the same
// session: ESYS makes new nonces), for as long as the device's limits say.
// After an error on the way nothing is sent again: NV_Increment is not idempotent.
void execute(Device& device, const char* command, const std::function<TSS2_RC()>& call);

// The same for a command that needs a slot for an object or a session: if the TPM has none, what
// was left over is flushed and the command run once more. So: before any object or session of ours
// that must stay.
void execute_with_room(Device& device, const char* command, const std::function<TSS2_RC()>& call);

struct EsysFree {
  void operator()(void* memory) const { Esys_Free(memory); }
};
// What ESYS allocates as an out-parameter: `EsysPtr<T> p; Esys_X(…, out(p))`.
template <class T>
using EsysPtr = std::unique_ptr<T, EsysFree>;

template <class T>
class Out {
 public:
  explicit Out(EsysPtr<T>& target) : target_(target) {}
  ~Out() { target_.reset(raw_); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  operator T**() { return &raw_; }

 private:
  EsysPtr<T>& target_;
  T* raw_ = nullptr;
};
template <class T>
Out<T> out(EsysPtr<T>& target) {
  return Out<T>(target);
}

// An ESYS reference to an object, NV index or session.
class Object {
 public:
  enum class End { close /* forget it here */, flush /* remove it from the TPM */ };
  Object() = default;
  Object(Device& device, ESYS_TR reference, End end)
      : device_(&device), reference_(reference), end_(end) {}
  ~Object() { reset(); }
  Object(Object&& other) noexcept { *this = std::move(other); }
  Object& operator=(Object&& other) noexcept;
  explicit operator bool() const { return reference_ != ESYS_TR_NONE; }
  ESYS_TR get() const { return reference_; }
  ESYS_TR release();  // the TPM no longer knows it
  void reset();
  void set_auth(attest::ByteView auth);
  attest::Name name() const;  // of a key with SHA-256 or an index

 private:
  Device* device_ = nullptr;
  ESYS_TR reference_ = ESYS_TR_NONE;
  End end_ = End::close;
};

// A persistent key or an NV index, found by its handle (ReadPublic); nothing if the TPM has none.
Object find_object(Device& device, TPM2_HANDLE handle);
// The same; TpmError (missing) if there is none, or if it has another Name.
Object find_object(Device& device, TPM2_HANDLE handle, const attest::Name& name);

// Without trailing zeros, as the TPM keeps it (Part 1, 19.6.4.3): all zeros are the empty
// authValue.
TPM2B_AUTH to_auth(attest::ByteView auth);
TPM2B_DATA to_qualifying_data(const attest::Hash& hash);
attest::SignedAttestation to_signed(const TPM2B_ATTEST& attest, const TPMT_SIGNATURE& signature);
// TpmError (lost_device) of an area that no TPM shows: what was spoiled on its way may be
// unmarshalled all the same.
attest::Bytes marshal(const TPMT_PUBLIC& area);
attest::Bytes marshal(const TPMS_NV_PUBLIC& area);

// One command as it is, past ESYS, and the TPM's response; while ESYS waits for none.
attest::Bytes pass_on(Device& device, attest::ByteView command);
// TPM2_FlushContext by the handle alone: ESYS would read the public area first, which a sequence
// (of TPM2_HashSequenceStart) does not have. That it fails is fine: then the next command does.
void flush(Device& device, std::uint32_t handle);

// The TPM's list of loaded sessions and transient objects, flushed: with a resource manager these
// are our own; without one nobody else can be connected, and they were left over by a process that
// died.
void flush_left_over(Device& device);

}  // namespace stele::tpm
