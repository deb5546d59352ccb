// The selftest's own indexes and key: made for a moment, gone on every way out.
//
// Internal to tpm/. Thread safety: none. Blocks: each call. Errors: TpmError; destructors throw
// nothing, and leave an index behind only where the TPM does not answer any more.
#pragma once

#include "tpm/esys.h"

namespace stele::tpm {

// An index with an empty authValue, defined by the owner; undefined at the end.
class ScratchIndex {
 public:
  ScratchIndex(Device& device, const TPM2B_NV_PUBLIC& area);  // defines it
  // One that is there already; nothing changes.
  static ScratchIndex adopt(Device& device, TPM2_HANDLE handle);
  ~ScratchIndex();
  ScratchIndex(ScratchIndex&& other) noexcept;
  ScratchIndex& operator=(ScratchIndex&&) = delete;

  ESYS_TR get() const { return index_.get(); }
  void undefine();
  void keep() { index_.reset(); }  // it outlives us

  // Authorised by this session, or by its empty password.
  void increment(ESYS_TR session = ESYS_TR_PASSWORD);
  void extend(const attest::Hash& digest, ESYS_TR session = ESYS_TR_PASSWORD);
  attest::Bytes read(std::uint16_t size_bytes, ESYS_TR session = ESYS_TR_PASSWORD);

 private:
  ScratchIndex(Device& device, Object index) : device_(&device), index_(std::move(index)) {}
  Device* device_;
  Object index_;
};

// A key with our AK's template, transient, with an empty authValue.
Object make_scratch_key(Device& device);

// The next command of the session: its first, or one that demands to have been alone since.
void set_audit(Device& device, const Object& session, bool is_first);

}  // namespace stele::tpm
