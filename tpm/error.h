// TpmError: a TPM command, the ESYS layer or the TCTI failed; named in words, with what to do.
//
// Thread safety: a value. See: tpm/README.md, "Errors"; Tss2_RC_Decode for the words.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

namespace stele::tpm {

// std::system_error whose code() holds the TSS2_RC and whose what() reads
// "TPM2_NV_Increment: tpm:error(2.0): … (0x921): wait for the lockout to end, or …".
class TpmError : public std::system_error {
 public:
  TpmError(std::uint32_t rc, const char* command);
  // With a remedy that says more than advice(rc) could.
  TpmError(std::uint32_t rc, const std::string& what, const std::string& remedy);
  const char* what() const noexcept override;
  std::uint32_t rc() const { return rc_; }
  // What kind of trouble it is, for deciding: see README.md, "Recovery".
  enum class Kind {
    busy,          // RETRY, YIELDED, TESTING, NV_RATE, NV_UNAVAILABLE (0x922, 0x908, 0x90A, 0x920, 0x923):
                   // back off, resend in the same session
    lost_device,   // no answer, or none that makes sense: the command may or may not have happened.
                   // The Device is of no more use: make a new one
    was_reset,     // session handles gone: the TPM was reset
    not_exclusive, // 0x121: somebody else used the TPM during the exclusive session
    missing,       // handle or index not there (0x18B), or index unwritten (0x14A)
    refused,       // authorisation failed, or the TPM declines (0x9A2, 0x185, …)
    full,          // NV space, object or session memory
    other,
  };
  Kind kind() const;
  // One sentence for the operator.
  static std::string advice(std::uint32_t rc);

 private:
  std::uint32_t rc_;
  std::shared_ptr<const std::string> text_;  // copying an exception must not throw
};

}  // namespace stele::tpm
