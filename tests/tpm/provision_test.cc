// Goal: provisioning ends in the same TPM and the same files however often it is interrupted,
// refuses what others have put at our handles, and can be undone. Method: a private swtpm for each
// test; the keeper throws after a step, as a crash would stop there.
#include "tpm/provision.h"

#include <gtest/gtest.h>

#include "tests/tpm/provisioned.h"
#include "tpm/checkpoint_key.h"
#include "tpm/esys.h"
#include "tpm/hierarchies.h"
#include "tpm/templates.h"

namespace stele::test {
namespace {

using attest::Mode;

struct Crash {};

TEST(Provision, ModeBMakesWhatTheTrustFilePins) {
  Provisioned log(Mode::b);
  const attest::TrustFile& trust = *log.memory.trust;
  EXPECT_EQ(trust.origin, log.plan.origin);
  EXPECT_EQ(trust.pcr, 12);
  EXPECT_EQ(trust.tpm_kind, attest::TpmKind::simulator);
  EXPECT_EQ(trust.tpm_manufacturer, "IBM");
  const tpm::IndexState state = tpm::read_indexes(*log.device, log.credentials());
  EXPECT_EQ(state.counter, trust.first_counter);
  EXPECT_EQ(state.extend, trust.first_extend);
  EXPECT_EQ(state.extend, attest::first_extend(*log.memory.kept.genesis));
  const auto identity = trust.identity();
  ASSERT_TRUE(identity);
  const auto receipt = attest::decode_receipt(*log.memory.kept.genesis_receipt);
  ASSERT_TRUE(receipt);
  const auto verified =
      attest::verify_receipt(*receipt, *identity, attest::genesis_digest(*log.memory.kept.genesis),
                             trust.first_counter, trust.first_extend);
  ASSERT_TRUE(verified) << name(verified.error().fault);
  EXPECT_EQ(verified->run(), (attest::Run{trust.base_reset, trust.base_restart}));
  EXPECT_EQ(verified->firmware(), trust.base_firmware);
  const tpm::HierarchyState hierarchies = tpm::hierarchy_state(*log.device);
  EXPECT_TRUE(hierarchies.endorsement_set);
  EXPECT_FALSE(hierarchies.owner_set || hierarchies.lockout_set || hierarchies.clear_disabled);
}

TEST(Provision, ModeALocksEveryHierarchyAndDisablesClear) {
  Provisioned log(Mode::a);
  const tpm::HierarchyState hierarchies = tpm::hierarchy_state(*log.device);
  EXPECT_TRUE(hierarchies.endorsement_set && hierarchies.owner_set && hierarchies.lockout_set);
  EXPECT_TRUE(hierarchies.clear_disabled);
  EXPECT_EQ(log.memory.trust->mode, Mode::a);
}

TEST(Provision, AgainOnAProvisionedTpmChangesNothing) {
  for (const Mode mode : {Mode::a, Mode::b}) {
    Provisioned log(mode);
    const std::string trust = attest::to_text(*log.memory.trust);
    log.memory.steps.clear();
    // The auditor's secrets are no longer at hand then.
    log.plan.owner_auth.fill(0);
    log.plan.lockout_auth.fill(0);
    tpm::provision(*log.device, log.plan, log.memory.kept, log.memory.keeper());
    EXPECT_TRUE(log.memory.steps.empty()) << log.memory.steps.front();
    EXPECT_EQ(attest::to_text(*log.memory.trust), trust);
  }
}

TEST(Provision, AgainAfterAnchorsAndAResetKeepsTheTrustFile) {
  Provisioned log;
  tpm::full_anchor(*log.device, log.credentials(), log.next_statement());
  const std::string trust = attest::to_text(*log.memory.trust);
  log.power_cycle(Swtpm::Power::unclean);
  log.memory.steps.clear();
  tpm::provision(*log.device, log.plan, log.memory.kept, log.memory.keeper());
  EXPECT_TRUE(log.memory.steps.empty());
  EXPECT_EQ(attest::to_text(*log.memory.trust), trust);
}

// Stops after every step in turn, with and without a power cut, and begins again.
TEST(Provision, ResumesAfterEveryStep) {
  // One TPM as it left the factory, copied for every attempt.
  Swtpm blank;
  {
    tpm::read_clock(*std::make_unique<tpm::Device>(blank.tcti()));
  }  // answers once its state is on disk
  blank.kill();
  const tpm::ProvisionPlan plan = make_plan(Mode::a);
  MemoryKeeper whole;
  {
    Swtpm swtpm(blank.state());
    tpm::Device device(swtpm.tcti());
    tpm::provision(device, plan, {}, whole.keeper());
  }
  const std::size_t steps = whole.steps.size();
  ASSERT_GE(steps, 10u);
  for (std::size_t stop_after = 1; stop_after < steps; ++stop_after) {
    Swtpm swtpm(blank.state());
    MemoryKeeper memory;
    {
      tpm::Device device(swtpm.tcti());
      tpm::Keeper keeper = memory.keeper();
      keeper.progress = [&](std::string_view step) {
        memory.steps.emplace_back(step);
        if (memory.steps.size() == stop_after) throw Crash{};
      };
      EXPECT_THROW(tpm::provision(device, plan, {}, keeper), Crash);
    }
    if (stop_after % 2 == 0) swtpm.power_cycle(Swtpm::Power::unclean);
    tpm::Device device(swtpm.tcti());
    tpm::provision(device, plan, memory.kept, memory.keeper());
    EXPECT_EQ(memory.steps, whole.steps) << "stopped after " << stop_after;
    EXPECT_TRUE(tpm::hierarchy_state(device).clear_disabled);
    EXPECT_EQ(memory.kept.genesis, whole.kept.genesis);
    EXPECT_EQ(memory.trust->ak, whole.trust->ak);
    EXPECT_EQ(memory.trust->first_counter, whole.trust->first_counter);
    EXPECT_EQ(tpm::read_indexes(device, *memory.credentials).extend, memory.trust->first_extend);
  }
}

// A crash before the keeper's file was durable, for each of the four files.
TEST(Provision, ResumesAfterEveryFile) {
  for (int file = 0; file < 4; ++file) {
    Swtpm swtpm;
    const tpm::ProvisionPlan plan = make_plan();
    MemoryKeeper memory;
    tpm::Device device(swtpm.tcti());
    tpm::Keeper keeper = memory.keeper();
    if (file == 0)
      keeper.identity = [](const tpm::Credentials&, const attest::Bytes&) { throw Crash{}; };
    if (file == 1) keeper.genesis = [](const attest::Bytes&) { throw Crash{}; };
    if (file == 2) keeper.genesis_receipt = [](const attest::Bytes&) { throw Crash{}; };
    if (file == 3) keeper.trust = [](const attest::TrustFile&) { throw Crash{}; };
    EXPECT_THROW(tpm::provision(device, plan, {}, keeper), Crash);
    // Nothing lasting in the TPM until the genesis is durable: other secrets may be used then.
    const tpm::ProvisionPlan again = file < 2 ? make_plan(Mode::b, 2) : plan;
    tpm::provision(device, again, memory.kept, memory.keeper());
    EXPECT_EQ(tpm::read_indexes(device, *memory.credentials).extend, memory.trust->first_extend);
  }
}

TEST(Provision, AnotherTpmIsRefusedForAKeptGenesis) {
  Provisioned log;
  Swtpm other;
  tpm::Device device(other.tcti());
  EXPECT_THROW(tpm::provision(device, log.plan, log.memory.kept, log.memory.keeper()),
               tpm::ProvisionRefused);
}

TEST(Provision, TheKeptGenesisDecidesOriginAndMode) {
  Provisioned log;
  log.plan.origin = "other.example";
  EXPECT_THROW(tpm::provision(*log.device, log.plan, log.memory.kept, log.memory.keeper()),
               tpm::ProvisionRefused);
  log.plan = make_plan(Mode::a);
  EXPECT_THROW(tpm::provision(*log.device, log.plan, log.memory.kept, log.memory.keeper()),
               tpm::ProvisionRefused);
}

TEST(Provision, ALockedOwnerHierarchyIsRefusedInWords) {
  Provisioned log(Mode::a);
  tpm::ProvisionPlan plan = make_plan(Mode::a, 9);
  plan.endorsement_auth = log.plan.endorsement_auth;  // else it is that which is refused
  plan.ak_handle += 2;
  plan.counter_handle += 2;
  plan.extend_handle += 2;
  MemoryKeeper memory;
  try {
    tpm::provision(*log.device, plan, {}, memory.keeper());
    FAIL() << "provisioned with a wrong ownerAuth";
  } catch (const tpm::ProvisionRefused& refused) {
    EXPECT_NE(std::string(refused.what()).find("--escrow-plain"), std::string::npos)
        << refused.what();
  }
}

// An attempt that ended behind the genesis receipt, or a log from before there was a checkpoint
// key.
TEST(Provision, WhatIsInTheCheckpointKeysPlaceKeepsNoHierarchyOpen) {
  Swtpm swtpm;
  tpm::Device device(swtpm.tcti());
  const tpm::ProvisionPlan plan = make_plan(Mode::a);
  MemoryKeeper memory;
  tpm::Keeper keeper = memory.keeper();
  keeper.genesis_receipt = [&](const attest::Bytes& receipt) {
    memory.kept.genesis_receipt = receipt;
    throw Crash{};
  };
  EXPECT_THROW(tpm::provision(device, plan, {}, keeper), Crash);
  tpm::AuthValue foreign = plan.ak_auth;
  foreign[0] ^= 1;
  tpm::seal_checkpoint_seed(device, plan.ak_handle, foreign,
                            attest::hash(attest::view("somebody's")));
  const std::uint32_t handle = tpm::checkpoint_key_handle(plan.ak_handle);
  const attest::Name before = tpm::find_object(device, handle).name();
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      tpm::provision(device, plan, memory.kept, memory.keeper());
      FAIL() << "said nothing of what is in the key's place";
    } catch (const tpm::ProvisionRefused& refused) {
      EXPECT_NE(std::string(refused.what()).find("0x81005355"), std::string::npos)
          << refused.what();
    }
    const tpm::HierarchyState state = tpm::hierarchy_state(device);
    EXPECT_TRUE(state.owner_set && state.endorsement_set && state.lockout_set &&
                state.clear_disabled);
    EXPECT_TRUE(memory.trust);
  }
  EXPECT_EQ(tpm::find_object(device, handle).name(), before);
}

TEST(Provision, AForeignEndorsementAuthValueIsRefusedBeforeAnythingIsMade) {
  Swtpm swtpm;
  tpm::Device device(swtpm.tcti());
  const tpm::ProvisionPlan plan = make_plan();
  tpm::AuthValue foreign = plan.endorsement_auth;
  foreign[0] ^= 1;
  tpm::change_auth(device, ESYS_TR_RH_ENDORSEMENT, foreign);
  MemoryKeeper memory;
  try {
    tpm::provision(device, plan, {}, memory.keeper());
    FAIL() << "provisioned under somebody else's endorsementAuth";
  } catch (const tpm::ProvisionRefused& refused) {
    EXPECT_NE(std::string(refused.what()).find("endorsement hierarchy"), std::string::npos);
  }
  EXPECT_FALSE(memory.kept.genesis);
  for (const std::uint32_t handle : {plan.ak_handle, plan.counter_handle, plan.extend_handle}) {
    EXPECT_FALSE(tpm::find_object(device, handle)) << std::hex << handle;
  }
  // The twin: set by an attempt of this log's own.
  tpm::use_auth(device, ESYS_TR_RH_ENDORSEMENT, true, foreign);
  tpm::change_auth(device, ESYS_TR_RH_ENDORSEMENT, plan.endorsement_auth);
  EXPECT_NO_THROW(tpm::provision(device, plan, {}, memory.keeper()));
}

TEST(Provision, TwoLogsShareATpmAtDifferentHandles) {
  Provisioned log;
  tpm::ProvisionPlan plan = make_plan(Mode::b, 1);
  plan.salt.bytes.fill(7);
  plan.ak_handle += 2;
  plan.counter_handle += 2;
  plan.extend_handle += 2;
  plan.pcr = 13;
  MemoryKeeper memory;
  tpm::provision(*log.device, plan, {}, memory.keeper());
  EXPECT_NE(memory.trust->ak, log.memory.trust->ak);
  EXPECT_NE(memory.trust->log_id, log.memory.trust->log_id);
}

// Defines an index as a squatter would, written where its kind allows.
void squat(tpm::Device& device, const TPM2B_NV_PUBLIC& area) {
  const TPM2B_AUTH auth{};
  ESYS_TR index = ESYS_TR_NONE;
  tpm::execute(device, "TPM2_NV_DefineSpace", [&] {
    return Esys_NV_DefineSpace(device.esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                               ESYS_TR_NONE, &auth, &area, &index);
  });
  Esys_TR_Close(device.esys(), &index);
}

TEST(Provision, SquattersAreRefusedAndLeftAlone) {
  const auto with = [](TPM2B_NV_PUBLIC area, TPMA_NV set, TPMA_NV clear) {
    area.nvPublic.attributes = (area.nvPublic.attributes | set) & ~clear;
    return area;
  };
  const tpm::ProvisionPlan plan = make_plan();
  std::vector<TPM2B_NV_PUBLIC> squatters;
  for (const TPM2B_NV_PUBLIC& ours : {tpm::counter_public(plan.counter_handle, false),
                                      tpm::extend_public(plan.extend_handle, false)}) {
    squatters.push_back(ours);  // even one that looks like ours: whose authValue opens it?
    for (const TPMA_NV bit :
         {TPMA_NV_OWNERWRITE, TPMA_NV_WRITEDEFINE, TPMA_NV_READ_STCLEAR, TPMA_NV_POLICYREAD,
          TPMA_NV_POLICYWRITE, TPMA_NV_ORDERLY, TPMA_NV_WRITE_STCLEAR}) {
      squatters.push_back(with(ours, bit, 0));
    }
    for (const TPMA_NV bit : {TPMA_NV_OWNERREAD, TPMA_NV_NO_DA})
      squatters.push_back(with(ours, 0, bit));
    TPM2B_NV_PUBLIC ordinary = with(ours, 0, TPMA_NV_TPM2_NT_MASK);
    ordinary.nvPublic.dataSize = 32;
    squatters.push_back(ordinary);
    TPM2B_NV_PUBLIC sha1 = ours;
    sha1.nvPublic.nameAlg = TPM2_ALG_SHA384;
    if ((ours.nvPublic.attributes & TPMA_NV_TPM2_NT_MASK) >> TPMA_NV_TPM2_NT_SHIFT ==
        TPM2_NT_EXTEND) {
      sha1.nvPublic.dataSize = 48;
    }
    squatters.push_back(sha1);
  }
  for (const TPM2B_NV_PUBLIC& squatter : squatters) {
    Swtpm swtpm;
    tpm::Device device(swtpm.tcti());
    squat(device, squatter);
    const attest::Name before = tpm::find_object(device, squatter.nvPublic.nvIndex).name();
    MemoryKeeper memory;
    EXPECT_THROW(tpm::provision(device, plan, {}, memory.keeper()), tpm::ProvisionRefused)
        << std::hex << squatter.nvPublic.attributes;
    EXPECT_FALSE(memory.kept.genesis);
    EXPECT_EQ(tpm::find_object(device, squatter.nvPublic.nvIndex).name(), before);
  }
}

TEST(Deprovision, LeavesNothingAndMayBeRepeated) {
  for (const Mode mode : {Mode::b, Mode::a}) {
    Provisioned log(mode);
    std::vector<std::string> said;
    const auto progress = [&](std::string_view step) { said.emplace_back(step); };
    if (mode == Mode::a) {
      EXPECT_THROW(tpm::deprovision(*log.device, log.credentials(), mode, {}, {}, progress),
                   tpm::ProvisionRefused);
    }
    tpm::deprovision(*log.device, log.credentials(), mode, log.plan.owner_auth,
                     log.plan.lockout_auth, progress);
    const tpm::IndexState state = tpm::read_indexes(*log.device, log.credentials());
    EXPECT_EQ(state.counter_presence, tpm::IndexState::Presence::missing);
    EXPECT_EQ(state.extend_presence, tpm::IndexState::Presence::missing);
    EXPECT_FALSE(tpm::find_object(*log.device, log.credentials().ak_handle));
    const tpm::HierarchyState hierarchies = tpm::hierarchy_state(*log.device);
    EXPECT_FALSE(hierarchies.owner_set || hierarchies.endorsement_set || hierarchies.lockout_set);
    EXPECT_EQ(hierarchies.clear_disabled, mode == Mode::a);
    tpm::deprovision(*log.device, log.credentials(), mode, {}, {}, progress);
    // A new log on the same TPM: the counter goes on above the old one's last value.
    MemoryKeeper memory;
    tpm::provision(*log.device, make_plan(Mode::b, 3), {}, memory.keeper());
    EXPECT_GT(memory.trust->first_counter, log.memory.trust->first_counter);
  }
}

}  // namespace
}  // namespace stele::test
