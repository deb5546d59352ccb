#include "tpm/error.h"

#include <tss2/tss2_common.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tpm2_types.h>

#include <cstdio>
#include <string>

namespace stele::tpm {
namespace {

// The TPM's own code, without the number of the handle, parameter or session that it complains
// about; nothing (0) if the code comes from the software in between. A resource manager answers in
// the TPM's name.
std::uint32_t tpm_code(std::uint32_t rc) {
  const std::uint32_t layer = rc & TSS2_RC_LAYER_MASK;
  if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER) return 0;
  const std::uint32_t code = rc & 0xffff;
  if ((code & TPM2_RC_FMT1) != 0) return code & (TPM2_RC_FMT1 | 0x3f);
  return code;
}

bool is_reset(std::uint32_t code) {
  return (code >= TPM2_RC_REFERENCE_H0 && code <= TPM2_RC_REFERENCE_H6) ||
         (code >= TPM2_RC_REFERENCE_S0 && code <= TPM2_RC_REFERENCE_S6);
}

TpmError::Kind kind_of(std::uint32_t rc) {
  using Kind = TpmError::Kind;
  const std::uint32_t code = tpm_code(rc);
  if (code == 0) {
    // Whatever went wrong on the way, nobody knows whether the command was executed. ESYS says
    // BAD_SEQUENCE for every command after such an error.
    switch (rc & 0xffff) {
      case TSS2_BASE_RC_IO_ERROR:
      case TSS2_BASE_RC_NO_CONNECTION:
      case TSS2_BASE_RC_TRY_AGAIN:
      case TSS2_BASE_RC_MALFORMED_RESPONSE:
      case TSS2_BASE_RC_INSUFFICIENT_RESPONSE:
      case TSS2_BASE_RC_RSP_AUTH_FAILED:
      case TSS2_BASE_RC_GENERAL_FAILURE:
      case TSS2_BASE_RC_BAD_SEQUENCE:
        return Kind::lost_device;
      default:
        return (rc & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER ||
                       (rc & TSS2_RC_LAYER_MASK) == TSS2_MU_RC_LAYER
                   ? Kind::lost_device
                   : Kind::other;
    }
  }
  if (is_reset(code)) return Kind::was_reset;
  switch (code) {
    case TPM2_RC_RETRY:
    case TPM2_RC_YIELDED:
    case TPM2_RC_TESTING:
    case TPM2_RC_NV_RATE:
    case TPM2_RC_NV_UNAVAILABLE:
      return Kind::busy;
    case TPM2_RC_EXCLUSIVE:
      return Kind::not_exclusive;
    case TPM2_RC_HANDLE:
    case TPM2_RC_NV_UNINITIALIZED:
      return Kind::missing;
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_FAIL:
    case TPM2_RC_HIERARCHY:
    case TPM2_RC_LOCKOUT:
    case TPM2_RC_DISABLED:
    case TPM2_RC_AUTH_UNAVAILABLE:
    case TPM2_RC_POLICY_FAIL:
    case TPM2_RC_NV_AUTHORIZATION:
    case TPM2_RC_NV_LOCKED:
      return Kind::refused;
    case TPM2_RC_NV_SPACE:
    case TPM2_RC_OBJECT_MEMORY:
    case TPM2_RC_SESSION_MEMORY:
    case TPM2_RC_SESSION_HANDLES:
    case TPM2_RC_OBJECT_HANDLES:
    case TPM2_RC_CONTEXT_GAP:
    case TPM2_RC_MEMORY:
      return Kind::full;
    default:
      return Kind::other;
  }
}

std::string words(std::uint32_t rc) {
  char number[16];
  std::snprintf(number, sizeof number, " (0x%X)", rc);
  return std::string(Tss2_RC_Decode(rc)) + number;
}

class Category : public std::error_category {
 public:
  const char* name() const noexcept override { return "tpm"; }
  std::string message(int rc) const override { return words(static_cast<std::uint32_t>(rc)); }
};

const std::error_category& category() {
  static const Category instance;
  return instance;
}

}  // namespace

TpmError::TpmError(std::uint32_t rc, const char* command) : TpmError(rc, command, advice(rc)) {}

TpmError::TpmError(std::uint32_t rc, const std::string& what, const std::string& remedy)
    : std::system_error(static_cast<int>(rc), category()),
      rc_(rc),
      text_(std::make_shared<const std::string>(what + ": " + words(rc) + ": " + remedy)) {}

const char* TpmError::what() const noexcept {
  return text_->c_str();
}

TpmError::Kind TpmError::kind() const {
  return kind_of(rc_);
}

std::string TpmError::advice(std::uint32_t rc) {
  const std::uint32_t code = tpm_code(rc);
  switch (code) {
    case TPM2_RC_LOCKOUT:
      return "the TPM is in dictionary-attack lockout: wait for it to end, or reset it with "
             "tpm2_dictionarylockout -c";
    case TPM2_RC_NV_UNINITIALIZED:
      return "the NV index was never written: somebody defined it again; stop and examine this "
             "host";
    case TPM2_RC_HANDLE:
      return "the key or NV index is not in this TPM: cleared, deprovisioned, or another TPM";
    case TPM2_RC_NV_SPACE:
      return "the TPM's NV memory is full: remove indexes that nobody needs (tpm2_nvundefine)";
    case TPM2_RC_NV_LOCKED:
      return "the NV index is locked, which ours cannot be: somebody put another in its place, or "
             "answers in the TPM's stead; examine this host";
    case TPM2_RC_NV_DEFINED:
      return "an NV index with this handle exists already: choose another handle, or remove it";
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_FAIL:
      return "the TPM refuses this authValue: DIR/secrets is not the one this TPM was provisioned "
             "with, or somebody changed a hierarchy's authValue";
    case TPM2_RC_HIERARCHY:
    case TPM2_RC_DISABLED:
      return "the hierarchy or command is disabled: enable the TPM in the firmware's set-up";
    case TPM2_RC_INITIALIZE:
      return "the TPM was not started: the firmware (or tpm2_startup -c) must send TPM2_Startup";
    case TPM2_RC_FAILURE:
      return "the TPM is in failure mode after a failed self-test: power the machine off and on";
    case TPM2_RC_NEEDS_TEST:
      return "the TPM has not passed its self-test of what this command needs: have it tested "
             "(tpm2_selftest -f), and power the machine off and on if that fails";
    case TPM2_RC_REBOOT:
      return "the TPM wants a restart before it goes on: power the machine off and on";
    case TPM2_RC_UPGRADE:
      return "the TPM's firmware is being upgraded: let the upgrade end, then restart the machine";
    case TPM2_RC_CANCELED:
      return "somebody cancelled the command (its driver, or another program): try again";
    case TPM2_RC_EXCLUSIVE:
      return "another program used the TPM during the audit session: it is tried again";
    case TPM2_RC_COMMAND_CODE:
      return "this TPM lacks the command; Stele cannot use it";
    case TPM2_RC_PCR_CHANGED:
      return "the PCRs changed while they were quoted: it is tried again";
    default:
      break;
  }
  switch (kind_of(rc)) {
    case TpmError::Kind::busy:
      return "the TPM stays busy: try again; if it lasts, something else keeps it occupied";
    case TpmError::Kind::lost_device:
      return "the connection to the TPM broke or gave no answer that makes sense: the command may "
             "or "
             "may not have happened; connect anew and look";
    case TpmError::Kind::was_reset:
      return "the TPM was reset meanwhile: connect anew and recover";
    case TpmError::Kind::full:
      return "the TPM is out of memory for objects or sessions: use a resource manager "
             "(device:/dev/tpmrm0), or flush what was left over (tpm2_flushcontext -t -l -s)";
    case TpmError::Kind::refused:
      return "the TPM refuses: check who changed its hierarchies or indexes";
    default:
      return "unexpected: look the code up in the TPM 2.0 Library, Part 2, 6.6";
  }
}

}  // namespace stele::tpm
