// Goal: whatever somebody has put at our handles before provisioning, or between two attempts at
// it, provisioning refuses, names the handle, and leaves everything in the TPM as it was; once the
// squatter is gone, the log is made.
// Method: an index of each single-attribute difference from C and from E (every bit of TPMA_NV,
// every type, size, name algorithm, policy, authValue), keys at the AK's handle, on a swtpm. What
// the TPM itself refuses to define is counted apart, and must be what the specification forbids.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "tests/families/planted.h"
#include "tests/support/tally.h"
#include "tests/tpm/provisioned.h"
#include "tpm/templates.h"

namespace stele::test {
namespace {

struct Squatter {
  std::string what;
  TPM2B_NV_PUBLIC area{};
  attest::Bytes auth;
};

std::string hex(std::uint32_t number) {
  char text[11];
  std::snprintf(text, sizeof text, "0x%08X", number);
  return text;
}

TPM2B_NV_PUBLIC flipped(TPM2B_NV_PUBLIC area, int bit) {
  area.nvPublic.attributes ^= 1u << bit;
  return area;
}

TPM2B_NV_PUBLIC of_type(TPM2B_NV_PUBLIC area, TPM2_NT type, UINT16 size) {
  area.nvPublic.attributes &= ~TPMA_NV_TPM2_NT_MASK;
  area.nvPublic.attributes |= static_cast<TPMA_NV>(type) << TPMA_NV_TPM2_NT_SHIFT;
  area.nvPublic.dataSize = size;
  return area;
}

TPM2_NT type_of(const TPM2B_NV_PUBLIC& area) {
  return static_cast<TPM2_NT>((area.nvPublic.attributes & TPMA_NV_TPM2_NT_MASK) >>
                              TPMA_NV_TPM2_NT_SHIFT);
}

constexpr UINT16 kOtherSizes[] = {0, 1, 7, 9, 31, 33, 64, 512};

// Every way to differ from this index in one thing; among them one that differs in its authValue
// alone, which no public area shows.
std::vector<Squatter> squatters_of(const TPM2B_NV_PUBLIC& ours) {
  std::vector<Squatter> all = {{"the same, its authValue empty", ours, {}},
                               {"the same, with an authValue of its own", ours, {1, 2, 3}}};
  for (int bit = 0; bit < 32; ++bit) {
    const bool is_type = ((TPMA_NV_TPM2_NT_MASK >> bit) & 1) != 0;
    if (!is_type) all.push_back({"bit " + std::to_string(bit), flipped(ours, bit), {}});
  }
  for (const auto& [type, size] : {std::pair<TPM2_NT, UINT16>{TPM2_NT_ORDINARY, 8},
                                   {TPM2_NT_ORDINARY, 32},
                                   {TPM2_NT_COUNTER, 8},
                                   {TPM2_NT_BITS, 8},
                                   {TPM2_NT_EXTEND, 32},
                                   {TPM2_NT_PIN_FAIL, 8},
                                   {TPM2_NT_PIN_PASS, 8}}) {
    if (type == type_of(ours)) continue;
    all.push_back({"type " + std::to_string(type), of_type(ours, type, size), {}});
  }
  for (const UINT16 size : kOtherSizes) {
    all.push_back({"size " + std::to_string(size), of_type(ours, TPM2_NT_ORDINARY, size), {}});
    all.push_back({"only size " + std::to_string(size), of_type(ours, type_of(ours), size), {}});
  }
  for (const auto& [algorithm, size] : {std::pair<TPM2_ALG_ID, UINT16>{TPM2_ALG_SHA1, 20},
                                        {TPM2_ALG_SHA384, 48},
                                        {TPM2_ALG_SHA512, 64}}) {
    Squatter named{"name algorithm " + std::to_string(algorithm), ours, {}};
    named.area.nvPublic.nameAlg = algorithm;
    if (type_of(ours) == TPM2_NT_EXTEND) named.area.nvPublic.dataSize = size;
    all.push_back(named);
  }
  Squatter policy{"a policy", ours, {}};
  policy.area.nvPublic.authPolicy.size = 32;
  std::fill_n(policy.area.nvPublic.authPolicy.buffer, 32, 0x5a);
  all.push_back(policy);
  return all;
}

// What a TPM does not define: an index that nobody may write, reserved bits, deletion by policy
// alone (the platform's), locked or written from the start; a counter that a start clears; PIN
// indexes that their own authValue may write; counters and chains of another size.
std::set<std::string> never_defined() {
  std::set<std::string> all = {"C, bit 27"};
  for (const std::string index : {"C, ", "E, "}) {
    for (const int bit : {2, 8, 9, 10, 11, 20, 21, 22, 23, 24, 28, 29}) {
      all.insert(index + "bit " + std::to_string(bit));
    }
    all.insert({index + "type 8", index + "type 9"});
    for (const UINT16 size : kOtherSizes) all.insert(index + "only size " + std::to_string(size));
  }
  return all;
}

// How provisioning ended: refused in words, or otherwise.
std::string refusal_of(tpm::Device& device, MemoryKeeper& memory) {
  try {
    tpm::provision(device, make_plan(), memory.kept, memory.keeper());
    return {};
  } catch (const tpm::ProvisionRefused& refused) {
    return refused.what();
  }
}

// One swtpm for all, a new one where a squatter cannot be removed; and the genesis of an attempt
// that ended when it was kept, before anything in the TPM lasts.
class SquattedGround {
 public:
  SquattedGround() { begin_anew(); }
  tpm::Device& device() { return *device_; }
  const attest::Bytes& genesis() const { return genesis_; }
  // ESYS keeps the Name that it has once seen at a handle.
  void reconnect() {
    device_.reset();
    device_ = std::make_unique<tpm::Device>(swtpm_->tcti());
  }
  void begin_anew() {
    device_.reset();
    swtpm_ = std::make_unique<Swtpm>();
    device_ = std::make_unique<tpm::Device>(swtpm_->tcti());
    struct Crash {};
    MemoryKeeper memory;
    tpm::Keeper keeper = memory.keeper();
    keeper.genesis = [&](const attest::Bytes& genesis) {
      genesis_ = genesis;
      throw Crash{};
    };
    EXPECT_THROW(tpm::provision(*device_, make_plan(), {}, keeper), Crash);
  }

 private:
  std::unique_ptr<Swtpm> swtpm_;
  std::unique_ptr<tpm::Device> device_;
  attest::Bytes genesis_;
};

// What is planted is met by a first attempt, and by a second one whose first ended at the genesis.
enum class Attempt { first, second };

void meet(SquattedGround& ground, Attempt attempt, std::uint32_t handle, Tally& tally) {
  SCOPED_TRACE(attempt == Attempt::first ? "first attempt" : "second attempt");
  tpm::Device& device = ground.device();
  const std::vector<std::string> before = lasting(device);
  MemoryKeeper memory;
  if (attempt == Attempt::second) memory.kept.genesis = ground.genesis();
  ++tally.injected;
  const std::string words = refusal_of(device, memory);
  const bool is_named = words.find(hex(handle)) != std::string::npos &&
                        words.find("remove it yourself") != std::string::npos;
  const bool is_untouched = lasting(device) == before && memory.steps.empty() &&
                            !memory.kept.genesis_receipt && !memory.trust &&
                            memory.kept.genesis.has_value() == (attempt == Attempt::second);
  if (!is_named) ++tally.missed;
  if (!is_untouched) ++tally.lost;
  EXPECT_TRUE(is_named) << words;
  EXPECT_TRUE(is_untouched) << "something in the TPM, or of what was kept, is another now";
}

// Nothing of ours may be in the way once the squatter has gone.
void expect_made(SquattedGround& ground, Tally& tally) {
  MemoryKeeper memory;
  tpm::Device& device = ground.device();
  const std::string words = refusal_of(device, memory);
  if (!words.empty() || !memory.trust) ++tally.false_alarms;
  EXPECT_EQ(words, "") << "nothing is in the way any more";
}

TEST(Squatters, AnIndexThatDiffersInAnyOneThingIsRefusedByNameAndLeftAlone) {
  Tally tally;
  std::set<std::string> never_definable;
  SquattedGround ground;
  const tpm::ProvisionPlan plan = make_plan();
  for (const TPM2B_NV_PUBLIC& ours : {tpm::counter_public(plan.counter_handle, false),
                                      tpm::extend_public(plan.extend_handle, false)}) {
    for (const Squatter& squatter : squatters_of(ours)) {
      SCOPED_TRACE(hex(squatter.area.nvPublic.nvIndex) + ", " + squatter.what);
      if (define(ground.device(), squatter.area, squatter.auth) != TSS2_RC_SUCCESS) {
        never_definable.insert((type_of(ours) == TPM2_NT_COUNTER ? "C, " : "E, ") + squatter.what);
        continue;
      }
      meet(ground, Attempt::first, squatter.area.nvPublic.nvIndex, tally);
      // To a second attempt the same public area is its own work: whose authValue opens it shows at
      // the first write, below.
      if (!squatter.what.starts_with("the same")) {
        meet(ground, Attempt::second, squatter.area.nvPublic.nvIndex, tally);
      }
      if (undefine(ground.device(), squatter.area) != TSS2_RC_SUCCESS) ground.begin_anew();
    }
  }
  expect_made(ground, tally);
  EXPECT_EQ(never_definable, never_defined());
  tally.report(56, "indexes at the handles of C and E, each with one difference");
}

TEST(Squatters, AnIndexThatSomebodyHasWrittenToIsRefusedByNameAndLeftAlone) {
  Tally tally;
  SquattedGround ground;
  const tpm::ProvisionPlan plan = make_plan();
  for (const TPM2B_NV_PUBLIC& ours : {tpm::counter_public(plan.counter_handle, false),
                                      tpm::extend_public(plan.extend_handle, false)}) {
    ASSERT_EQ(define(ground.device(), ours), TSS2_RC_SUCCESS);
    tpm::Object index = tpm::find_object(ground.device(), ours.nvPublic.nvIndex);
    ESYS_CONTEXT* esys = ground.device().esys();
    TPM2B_MAX_NV_BUFFER value{};
    value.size = 32;
    const TSS2_RC written = type_of(ours) == TPM2_NT_COUNTER
                                ? Esys_NV_Increment(esys, index.get(), index.get(),
                                                    ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE)
                                : Esys_NV_Extend(esys, index.get(), index.get(), ESYS_TR_PASSWORD,
                                                 ESYS_TR_NONE, ESYS_TR_NONE, &value);
    ASSERT_EQ(written, TSS2_RC_SUCCESS);
    meet(ground, Attempt::first, ours.nvPublic.nvIndex, tally);
    if (type_of(ours) == TPM2_NT_EXTEND) {  // its value is not what the genesis begins with
      meet(ground, Attempt::second, ours.nvPublic.nvIndex, tally);
    }
    ASSERT_EQ(undefine(ground.device(), ours), TSS2_RC_SUCCESS);
  }
  expect_made(ground, tally);
  tally.report(56, "written indexes with our public areas");
}

TEST(Squatters, AnIndexDefinedLikeOursBetweenTwoAttemptsIsRefusedAtItsFirstWrite) {
  Tally tally;
  const tpm::ProvisionPlan plan = make_plan();
  for (const TPM2B_NV_PUBLIC& ours : {tpm::counter_public(plan.counter_handle, false),
                                      tpm::extend_public(plan.extend_handle, false)}) {
    for (const attest::Bytes& auth : {attest::Bytes{}, attest::Bytes{1, 2, 3}}) {
      SquattedGround ground;
      ASSERT_EQ(define(ground.device(), ours, auth), TSS2_RC_SUCCESS);
      const attest::Name before = tpm::find_object(ground.device(), ours.nvPublic.nvIndex).name();
      MemoryKeeper memory;
      memory.kept.genesis = ground.genesis();
      ++tally.injected;
      const std::string words = refusal_of(ground.device(), memory);
      const bool is_named = words.find(hex(ours.nvPublic.nvIndex)) != std::string::npos;
      if (!is_named || memory.trust) ++tally.missed;
      EXPECT_TRUE(is_named) << words;
      const attest::Name after = tpm::find_object(ground.device(), ours.nvPublic.nvIndex).name();
      if (after != before) ++tally.lost;
      // Removed by a person: the third attempt makes the log.
      ASSERT_EQ(undefine(ground.device(), ours), TSS2_RC_SUCCESS);
      if (!refusal_of(ground.device(), memory).empty() || !memory.trust) ++tally.lost;
    }
  }
  tally.report(56, "indexes alike but for their authValue, planted between two attempts");
}

TPM2B_PUBLIC rsa_key() {
  TPM2B_PUBLIC key{};
  TPMT_PUBLIC& area = key.publicArea;
  area.type = TPM2_ALG_RSA;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_SIGN_ENCRYPT |
                          TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN;
  area.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
  area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
  area.parameters.rsaDetail.keyBits = 2048;
  return key;
}

TEST(Squatters, AKeyAtOurHandleIsRefusedByNameAndLeftAlone) {
  Tally tally;
  SquattedGround ground;
  const tpm::ProvisionPlan plan = make_plan();
  attest::Hash other_salt = plan.salt;
  other_salt.bytes[0] ^= 1;
  TPM2B_PUBLIC unrestricted = tpm::ak_template(plan.salt);
  unrestricted.publicArea.objectAttributes &= ~TPMA_OBJECT_RESTRICTED;
  TPM2B_PUBLIC locks_out = tpm::ak_template(plan.salt);
  locks_out.publicArea.objectAttributes &= ~TPMA_OBJECT_NODA;
  const std::pair<const char*, TPM2B_PUBLIC> keys[] = {
      {"an RSA key", rsa_key()},
      {"our template with another salt", tpm::ak_template(other_salt)},
      {"our very key, with an authValue of theirs", tpm::ak_template(plan.salt)},
      {"our template without restricted", unrestricted},
      {"our template without noDA", locks_out}};
  for (const auto& [what, area] : keys) {
    SCOPED_TRACE(what);
    plant_key(ground.device(), area, plan.ak_handle);
    meet(ground, Attempt::first, plan.ak_handle, tally);
    evict_key(ground.device(), plan.ak_handle);
    ground.reconnect();
  }
  expect_made(ground, tally);
  tally.report(56, "keys at the handle of the AK");
}

}  // namespace
}  // namespace stele::test
