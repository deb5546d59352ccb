#include "tpm/provision.h"

#include <algorithm>
#include <cstdio>

#include "attest/check.h"
#include "attest/failpoint.h"
#include "tpm/checkpoint_key.h"
#include "tpm/first_trust.h"
#include "tpm/hierarchies.h"
#include "tpm/pcr_choice.h"
#include "tpm/primary.h"
#include "tpm/templates.h"

namespace stele::tpm {
namespace {

using attest::Bytes;
using Presence = IndexState::Presence;

std::string prefixed_handle(std::uint32_t handle) {
  char text[11];
  std::snprintf(text, sizeof text, "0x%08X", handle);
  return text;
}

// One attempt at provisioning. Every step looks first whether it has been done.
class Attempt {
 public:
  Attempt(Device& device, const ProvisionPlan& plan, const Kept& kept, const Keeper& keeper)
      : device_(device),
        plan_(plan),
        kept_(kept),
        keeper_(keeper),
        hierarchies_(hierarchy_state(device)) {}

  Credentials run() {
    use_auth(device_, ESYS_TR_RH_OWNER, hierarchies_.owner_set, plan_.owner_auth);
    use_auth(device_, ESYS_TR_RH_ENDORSEMENT, hierarchies_.endorsement_set, plan_.endorsement_auth);
    require_endorsement();
    plan_genesis();
    // Before the AK has a slot: to look at a persistent object, those slots may be cleared.
    require_no_checkpoint_key();
    Object ak = find_object(device_, plan_.ak_handle);
    const bool ak_is_persistent = static_cast<bool>(ak);
    if (!ak) ak = create_ak();
    Credentials credentials = identify(ak);
    require_no_squatters(credentials, ak_is_persistent);
    keeper_.identity(credentials, genesis_bytes_);
    FAILPOINT("provision.identity");
    if (!kept_.genesis) {
      keeper_.genesis(genesis_bytes_);
      FAILPOINT("provision.genesis");
      keeper_.progress("genesis kept: log " + attest::to_hex(attest::log_id(genesis_bytes_)));
    }
    if (!ak_is_persistent) make_persistent(ak);
    ak.reset();
    make_counter(credentials);
    make_extend(credentials);
    take_receipt(credentials);
    const bool has_room_for_key = make_checkpoint_key();
    keeper_.trust(first_trust(genesis_bytes_, receipt_, credentials.identity, device_.kind()));
    FAILPOINT("provision.trust");
    lock_hierarchies();
    // Said last: what somebody else put there must not keep the hierarchies open.
    if (!has_room_for_key) throw no_checkpoint_key();
    return credentials;
  }

 private:
  // The genesis receipt, and every anchor, needs it: better refused before anything is made.
  void require_endorsement() {
    if (!hierarchies_.endorsement_set || opens(device_, ESYS_TR_RH_ENDORSEMENT)) return;
    throw ProvisionRefused(
        "the endorsement hierarchy of this TPM has an authValue that is not this log's: another "
        "log uses this TPM, or somebody was here first. Nothing was changed. Reset it (`stele "
        "deprovision` of the other log, or tpm2_changeauth -c endorsement), then run provision "
        "again");
  }

  void plan_genesis() {
    if (kept_.genesis) {
      const auto kept = attest::decode_genesis(*kept_.genesis);
      if (!kept)
        throw ProvisionRefused("the genesis kept by an earlier attempt cannot be read: " +
                               kept.error().detail);
      genesis_ = *kept;
      if (genesis_.origin != plan_.origin || genesis_.mode != plan_.mode) {
        throw ProvisionRefused("an earlier attempt began with origin '" + genesis_.origin +
                               "' and mode " + static_cast<char>(genesis_.mode) +
                               ": use the same, or start with an empty data directory");
      }
      return;
    }
    genesis_.mode = plan_.mode;
    genesis_.era = plan_.era;
    genesis_.previous_log_id = plan_.previous_log_id;
    genesis_.previous_tree = plan_.previous_tree;
    genesis_.tlvs = plan_.genesis_tlvs;
    genesis_.salt = plan_.salt;
    genesis_.created_ns = plan_.created_ns;
    genesis_.origin = plan_.origin;
    if (!attest::is_origin(genesis_.origin)) {
      throw ProvisionRefused(
          "the origin must be 1 to 255 characters, without spaces, '+' and control characters");
    }
    const auto pcr =
        plan_.pcr ? plan_.pcr : choose_pcr(plan_.event_log, [this](std::uint8_t number) {
          return read_pcr(device_, number);
        });
    if (!pcr)
      throw ProvisionRefused(
          "no PCR is free for quote anchors: choose one with [tpm] pcr (8, 9, 11 to 15)");
    if (!may_be_log_pcr(*pcr))
      throw ProvisionRefused("PCR " + std::to_string(*pcr) +
                             " cannot serve quote anchors: choose one of 8, 9, 11 to 15");
    genesis_.pcr = *pcr;
  }

  Object create_ak() {
    TPM2B_SENSITIVE_CREATE sensitive{};
    sensitive.sensitive.userAuth = to_auth(plan_.ak_auth);
    Object ak;
    as_owner([&] {
      ak = create_primary(device_, ESYS_TR_RH_OWNER, ak_template(genesis_.salt), sensitive).object;
    });
    return ak;
  }

  // From here on all names are fixed.
  Credentials identify(const Object& ak) {
    EsysPtr<TPM2B_PUBLIC> area;
    EsysPtr<TPM2B_NAME> name, qualified_name;
    execute(device_, "TPM2_ReadPublic", [&] {
      return Esys_ReadPublic(device_.esys(), ak.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                             out(area), out(name), out(qualified_name));
    });
    auto ak_public = attest::AttestationPublic::parse(marshal(area->publicArea));
    if (!ak_public) throw occupied(plan_.ak_handle);
    attest::TpmIdentity identity{*std::move(ak_public),
                                 name_of(counter_public(plan_.counter_handle, true)),
                                 name_of(extend_public(plan_.extend_handle, true)), genesis_.pcr};
    if (kept_.genesis) {
      if (genesis_.ak_name != identity.ak.name()) {
        throw ProvisionRefused(
            "this TPM does not give the key that the genesis names: another TPM, or it was "
            "cleared. "
            "Start with an empty data directory");
      }
      if (genesis_.counter_name != identity.counter_name ||
          genesis_.extend_name != identity.extend_name) {
        throw ProvisionRefused(
            "the genesis names indexes at other handles: use the handles of the earlier attempt");
      }
      genesis_bytes_ = *kept_.genesis;
    } else {
      genesis_.ak_name = identity.ak.name();
      genesis_.counter_name = identity.counter_name;
      genesis_.extend_name = identity.extend_name;
      genesis_bytes_ = attest::encode(genesis_);
    }
    return {plan_.ak_handle,    plan_.counter_handle, plan_.extend_handle,    plan_.ak_auth,
            plan_.counter_auth, plan_.extend_auth,    plan_.endorsement_auth, std::move(identity)};
  }

  ProvisionRefused occupied(std::uint32_t handle) const {
    return ProvisionRefused(
        "there is something else at " + prefixed_handle(handle) +
        " in this TPM (another log, or somebody who was here first): examine it, then remove it "
        "yourself or choose other handles");
  }

  ProvisionRefused no_checkpoint_key() const {
    return ProvisionRefused(
        "the log is provisioned, but has no key to sign checkpoints with: there is something else "
        "at " +
        prefixed_handle(checkpoint_key_handle(plan_.ak_handle)) +
        " in this TPM. Examine it, remove it yourself, then run provision again");
  }

  void require_no_checkpoint_key() {
    const std::uint32_t handle = checkpoint_key_handle(plan_.ak_handle);
    if (!kept_.genesis && find_object(device_, handle)) throw occupied(handle);
  }

  // Before the first attempt nothing may be there; later only what that attempt made.
  void require_no_squatters(const Credentials& credentials, bool ak_is_persistent) {
    if (ak_is_persistent && !kept_.genesis) throw occupied(plan_.ak_handle);
    const IndexState state = read_indexes(device_, credentials);
    const auto is_refused = [this](Presence presence) {
      return presence == Presence::foreign || (presence != Presence::missing && !kept_.genesis);
    };
    if (is_refused(state.counter_presence)) throw occupied(plan_.counter_handle);
    if (is_refused(state.extend_presence)) throw occupied(plan_.extend_handle);
    if (!kept_.genesis_receipt && state.extend_presence == Presence::written &&
        state.extend != attest::first_extend(genesis_bytes_)) {
      throw occupied(plan_.extend_handle);
    }
    if (kept_.genesis_receipt &&
        (!ak_is_persistent || state.counter_presence != Presence::written ||
         state.extend_presence != Presence::written)) {
      throw ProvisionRefused(
          "this log was provisioned, but its key or indexes are gone from the TPM: another TPM, or "
          "it was cleared. What is sealed stays verifiable; a new log needs an empty data "
          "directory");
    }
  }

  void make_persistent(const Object& ak) {
    as_owner([&] {
      ESYS_TR persistent = ESYS_TR_NONE;
      execute(device_, "TPM2_EvictControl", [&] {
        return Esys_EvictControl(device_.esys(), ESYS_TR_RH_OWNER, ak.get(), ESYS_TR_PASSWORD,
                                 ESYS_TR_NONE, ESYS_TR_NONE, plan_.ak_handle, &persistent);
      });
      FAILPOINT("provision.key");
      Esys_TR_Close(device_.esys(), &persistent);
    });
    keeper_.progress("attestation key made persistent at " + prefixed_handle(plan_.ak_handle));
  }

  void define(const TPM2B_NV_PUBLIC& area, const AuthValue& auth) {
    as_owner([&] {
      const TPM2B_AUTH value = to_auth(auth);
      ESYS_TR index = ESYS_TR_NONE;
      execute(device_, "TPM2_NV_DefineSpace", [&] {
        return Esys_NV_DefineSpace(device_.esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                   ESYS_TR_NONE, &value, &area, &index);
      });
      Esys_TR_Close(device_.esys(), &index);
    });
  }

  void make_counter(const Credentials& credentials) {
    Presence presence = read_indexes(device_, credentials).counter_presence;
    if (presence == Presence::missing) {
      define(counter_public(plan_.counter_handle, false), plan_.counter_auth);
      FAILPOINT("provision.counter_defined");
      keeper_.progress("counter C defined at " + prefixed_handle(plan_.counter_handle));
      presence = Presence::unwritten;
    }
    if (presence != Presence::unwritten) return;
    Object index = find_object(device_, plan_.counter_handle,
                               name_of(counter_public(plan_.counter_handle, false)));
    index.set_auth(plan_.counter_auth);
    as_definer_of(plan_.counter_handle, [&] {
      execute(device_, "TPM2_NV_Increment", [&] {
        return Esys_NV_Increment(device_.esys(), index.get(), index.get(), ESYS_TR_PASSWORD,
                                 ESYS_TR_NONE, ESYS_TR_NONE);
      });
    });
    FAILPOINT("provision.counter_written");
    keeper_.progress("counter C written for the first time");
  }

  void make_extend(const Credentials& credentials) {
    Presence presence = read_indexes(device_, credentials).extend_presence;
    if (presence == Presence::missing) {
      define(extend_public(plan_.extend_handle, false), plan_.extend_auth);
      FAILPOINT("provision.extend_defined");
      keeper_.progress("extend index E defined at " + prefixed_handle(plan_.extend_handle));
      presence = Presence::unwritten;
    }
    if (presence != Presence::unwritten) return;
    Object index = find_object(device_, plan_.extend_handle,
                               name_of(extend_public(plan_.extend_handle, false)));
    index.set_auth(plan_.extend_auth);
    const attest::Hash digest = attest::genesis_digest(genesis_bytes_);
    TPM2B_MAX_NV_BUFFER value{};
    value.size = static_cast<UINT16>(digest.bytes.size());
    std::copy(digest.bytes.begin(), digest.bytes.end(), value.buffer);
    as_definer_of(plan_.extend_handle, [&] {
      execute(device_, "TPM2_NV_Extend", [&] {
        return Esys_NV_Extend(device_.esys(), index.get(), index.get(), ESYS_TR_PASSWORD,
                              ESYS_TR_NONE, ESYS_TR_NONE, &value);
      });
    });
    FAILPOINT("provision.extend_written");
    keeper_.progress("extend index E begun with the genesis");
  }

  // Makes the genesis receipt, or judges the one that was kept; either way like a stranger would.
  void take_receipt(const Credentials& credentials) {
    const attest::Hash digest = attest::genesis_digest(genesis_bytes_);
    const attest::Hash first_extend = attest::first_extend(genesis_bytes_);
    if (kept_.genesis_receipt) {
      auto kept = attest::decode_receipt(*kept_.genesis_receipt);
      if (!kept || !kept->audit)
        throw ProvisionRefused("the genesis receipt kept by an earlier attempt cannot be read");
      receipt_ = *std::move(kept);
    } else {
      if (read_indexes(device_, credentials).extend != first_extend)
        throw occupied(plan_.extend_handle);
      Credentials now = credentials;
      if (!hierarchies_.endorsement_set) now.endorsement_auth = {};
      receipt_ = read_back(device_, now, digest, attest::read_back_extra_data(digest), false);
      FAILPOINT("provision.receipt_signed");
    }
    const auto verified = attest::verify_receipt(receipt_, credentials.identity, digest,
                                                 receipt_.audit->counter, first_extend);
    if (!verified) {
      throw ProvisionRefused("the genesis receipt does not verify (" +
                             std::string(name(verified.error().fault)) +
                             "): something between here and the TPM changes its answers");
    }
    if (kept_.genesis_receipt) return;
    keeper_.genesis_receipt(attest::encode(receipt_));
    FAILPOINT("provision.receipt_kept");
    keeper_.progress("genesis receipt signed by the TPM, C = " +
                     std::to_string(receipt_.audit->counter));
  }

  // A log from before there was such a key gets one when provisioning is run again; in Mode A only
  // with the auditor's ownerAuth. False: somebody else's object is in its place.
  bool make_checkpoint_key() {
    const CheckpointSeed found = unseal_checkpoint_seed(device_, plan_.ak_handle, plan_.ak_auth);
    const std::uint32_t handle = checkpoint_key_handle(plan_.ak_handle);
    if (found.state == CheckpointSeed::State::foreign) return false;
    std::optional<attest::Hash> seed;
    if (found.state == CheckpointSeed::State::ours) seed = found.seed;
    const bool may_make = !hierarchies_.owner_set || plan_.owner_auth != AuthValue{};
    if (!seed && may_make) {
      ENSURE(plan_.checkpoint_seed != attest::Hash{});
      seed = plan_.checkpoint_seed;
      as_owner([&] { seal_checkpoint_seed(device_, plan_.ak_handle, plan_.ak_auth, *seed); });
      FAILPOINT("provision.checkpoint_key");
      keeper_.progress("checkpoint key sealed at " + prefixed_handle(handle));
    }
    if (keeper_.checkpoint_seed) keeper_.checkpoint_seed(seed);
    return true;
  }

  void lock_hierarchies() {
    // Asked once more, since the answer is not signed and one taken wrongly costs much: a lock
    // that is believed to be there, or a lockout authValue that is not set tried all the same.
    if (hierarchy_state(device_) != hierarchies_) {
      throw ProvisionRefused(
          "the TPM said two different things about which of its hierarchies are locked: somebody "
          "else changes them, or something spoils its answers. Run provision again");
    }
    if (hierarchies_.endorsement_set) {
      // That it is ours the genesis receipt has shown, if it was made just now; else ask.
      require_auth(ESYS_TR_RH_ENDORSEMENT, plan_.endorsement_auth, "endorsement");
    } else {
      change_auth(device_, ESYS_TR_RH_ENDORSEMENT, plan_.endorsement_auth);
      FAILPOINT("provision.endorsement");
      keeper_.progress("endorsement hierarchy locked with the daemon's secret");
    }
    const bool is_done =
        hierarchies_.owner_set && hierarchies_.lockout_set && hierarchies_.clear_disabled;
    if (genesis_.mode != attest::Mode::a || is_done || plan_.locked_from_outside) return;
    if (hierarchies_.owner_set) {
      require_auth(ESYS_TR_RH_OWNER, plan_.owner_auth, "owner");
    } else {
      change_auth(device_, ESYS_TR_RH_OWNER, plan_.owner_auth);
      FAILPOINT("provision.owner");
      keeper_.progress("owner hierarchy locked with the auditor's secret");
    }
    unset_policy(device_, ESYS_TR_RH_OWNER);
    use_auth(device_, ESYS_TR_RH_LOCKOUT, hierarchies_.lockout_set, plan_.lockout_auth);
    if (!hierarchies_.lockout_set) {
      change_auth(device_, ESYS_TR_RH_LOCKOUT, plan_.lockout_auth);
      FAILPOINT("provision.lockout");
      keeper_.progress("lockout hierarchy locked with the auditor's secret");
    }
    unset_policy(device_, ESYS_TR_RH_LOCKOUT);
    if (!hierarchies_.clear_disabled) {
      disable_clear(device_);
      FAILPOINT("provision.clear");
      keeper_.progress("TPM2_Clear disabled");
    }
  }

  // Sets the authValue to what it should be already: changes nothing, and shows that it is.
  // (Owner and endorsement are under no dictionary-attack protection; lockout is, and is never
  // tried.)
  void require_auth(ESYS_TR hierarchy, const AuthValue& auth, const std::string& name) {
    use_auth(device_, hierarchy, true, auth);
    try {
      change_auth(device_, hierarchy, auth);
    } catch (const TpmError& error) {
      if (is_wrong_auth(error)) throw locked(name);
      throw;
    }
  }

  void as_owner(const std::function<void()>& step) {
    try {
      step();
    } catch (const TpmError& error) {
      if (is_wrong_auth(error)) throw locked("owner");
      throw;
    }
  }

  // An index with our public area that our authValue does not open: somebody defined it between two
  // attempts.
  void as_definer_of(std::uint32_t handle, const std::function<void()>& step) {
    try {
      step();
    } catch (const TpmError& error) {
      if (is_wrong_auth(error)) throw occupied(handle);
      throw;
    }
  }

  static ProvisionRefused locked(const std::string& name) {
    return ProvisionRefused(
        "the " + name +
        " hierarchy of this TPM has an authValue that is not the one at hand. If an "
        "earlier attempt at mode a set it, let the auditor decrypt that attempt's escrow file and "
        "give the result with --escrow-plain; else reset it first (tpm2_changeauth)");
  }

  Device& device_;
  const ProvisionPlan& plan_;
  const Kept& kept_;
  const Keeper& keeper_;
  const HierarchyState hierarchies_;
  attest::Genesis genesis_;
  Bytes genesis_bytes_;
  attest::Receipt receipt_;
};

}  // namespace

Credentials provision(Device& device, const ProvisionPlan& plan, const Kept& kept,
                      const Keeper& keeper) {
  return Attempt(device, plan, kept, keeper).run();
}

}  // namespace stele::tpm
