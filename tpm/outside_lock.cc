#include "tpm/outside_lock.h"

#include <tss2/tss2_mu.h>

#include <algorithm>

#include "attest/codec.h"
#include "attest/failpoint.h"
#include "tpm/esys.h"
#include "tpm/hierarchies.h"
#include "tpm/relay_tcti.h"
#include "tpm/salted_session.h"
#include "tpm/templates.h"

namespace stele::tpm {
namespace {

using attest::Bytes;

// One visit to a host.
class Visit {
 public:
  Visit(Device& device, const LockTarget& target, const LockKeeper& keeper)
      : device_(device),
        target_(target),
        keeper_(keeper),
        session_(device, target.endorsement_handle, keeper.judge) {}

  LockReport run() {
    keeper_.progress("the host's TPM holds the certificate's endorsement key: it answers for it");
    const HierarchyState before = session_.hierarchies();
    require_log();
    if (before.lockout_set && !before.owner_set) {
      throw LockRefused(
          "the lockout hierarchy of the host's TPM has an authValue, and none of yours, which "
          "comes "
          "after the owner's: reset it on the host first (tpm2_changeauth -c lockout)");
    }
    const LockSecrets secrets = keeper_.secrets();
    FAILPOINT("lock.secrets");
    LockReport report;
    report.was_locked = before.owner_set && before.lockout_set && before.clear_disabled;
    lock(ESYS_TR_RH_OWNER, before.owner_set, secrets.owner, "owner");
    FAILPOINT("lock.owner");
    lock(ESYS_TR_RH_LOCKOUT, before.lockout_set, secrets.lockout, "lockout");
    FAILPOINT("lock.lockout");
    if (!before.clear_disabled) {
      session_.disable_clear();
      keeper_.progress("TPM2_Clear disabled");
    }
    FAILPOINT("lock.clear");
    read_back(report);
    return report;
  }

 private:
  void require_log() {
    if (session_.key_at(target_.ak_handle, target_.identity.ak.qualified_name()) !=
        target_.identity.ak.encoded()) {
      throw LockRefused(
          "the host's TPM holds another attestation key than the one that its trust file names: "
          "nothing was changed; examine this host");
    }
    if (session_.index_at(target_.counter_handle) != target_.identity.counter_name ||
        session_.index_at(target_.extend_handle) != target_.identity.extend_name) {
      throw LockRefused(
          "the counter or the extend index in the host's TPM is not what its trust file names: "
          "examine this host");
    }
  }

  void lock(ESYS_TR hierarchy, bool is_set, const AuthValue& secret, const std::string& name) {
    use_auth(device_, hierarchy, is_set, secret);
    try {
      // Where it is set: to what it should be already, which shows that it is.
      session_.change_auth(hierarchy, secret);
    } catch (const TpmError& error) {
      if (!is_wrong_auth(error)) throw;
      throw LockRefused(
          is_set ? "the " + name +
                       " hierarchy of the host's TPM is locked with another secret: if it is yours,"
                       " name its file with --secrets; else reset it on the host (tpm2_changeauth)"
                       " and run both commands again"
                 : "the " + name +
                       " hierarchy refused its first secret, though it has none: somebody else "
                       "works on the host's TPM, or alters what passes: run both commands again");
    }
    session_.unset_policy(hierarchy);
    keeper_.progress("the " + name + " hierarchy is locked with your secret" +
                     (is_set ? ", as it was" : ""));
  }

  // Nothing before counts as done until the TPM has said so under the session's key.
  void read_back(LockReport& report) {
    const HierarchyState now = session_.hierarchies();
    if (!now.owner_set || !now.lockout_set || !now.clear_disabled) {
      throw LockRefused(
          "the host's TPM is open again right after it was locked: somebody with platform "
          "authority (the firmware) opens it; this host cannot be in mode a");
    }
    require_log();
    const Bytes counter = session_.read(target_.counter_handle, 8);
    const Bytes extend = session_.read(target_.extend_handle, 32);
    report.counter = attest::Reader(counter).u64();
    report.extend = attest::Reader(extend).hash();
    // A log that was locked before has anchored since.
    const bool is_fresh =
        report.counter == target_.first_counter && report.extend == target_.first_extend;
    const bool may_have_anchored = report.was_locked && report.counter >= target_.first_counter;
    if (!is_fresh && !may_have_anchored) {
      throw LockRefused(
          "the counter or the extend index in the host's TPM has moved since the genesis: somebody "
          "used it before it was locked. Deprovision (--escrow-plain with your secrets file) and "
          "begin with an empty data directory");
    }
  }

  Device& device_;
  const LockTarget& target_;
  const LockKeeper& keeper_;
  SaltedSession session_;
};

// What an answer that does not verify means here, where a stranger carries it.
LockRefused explain(const TpmError& error) {
  if (error.kind() == TpmError::Kind::lost_device) {
    return LockRefused(
        std::string(error.what()) +
        ". Through a relay this means: what came back is not what this TPM answered. Somebody "
        "between here and the TPM alters, drops or repeats messages. Nothing is taken for locked; "
        "run both commands again, over another way if it lasts");
  }
  return LockRefused(
      std::string(error.what()) +
      ". A refusal carries no signature: it may be the TPM's, or of somebody in between. Nothing "
      "is taken for locked; run both commands again");
}

}  // namespace

LockReport lock_from_outside(const Transport& transport, const LockTarget& target,
                             const LockKeeper& keeper) {
  RelayTcti tcti(transport);
  try {
    // The transport's own limits are shorter: it is never left behind in a thread.
    Device device(tcti.get(), Device::Limits{.response = std::chrono::minutes(10)});
    return Visit(device, target, keeper).run();
  } catch (const TpmError& error) {
    if (tcti.failure()) std::rethrow_exception(tcti.failure());
    throw explain(error);
  }
}

}  // namespace stele::tpm
