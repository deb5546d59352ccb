// Goal: whatever is answered, lost or spoiled at any command of provisioning, the error is named,
// and a second run ends in a log whose every object is as the trust file says.
// Method: every command × its first three calls × every fault, in mode A, which does all that mode
// B does; in mode B one fault of each sort. On one swtpm, which platform authority clears before
// each case; a test for each call.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <tuple>

#include "tests/support/tally.h"
#include "tests/support/wire_faults.h"
#include "tests/tpm/provisioned.h"

namespace stele::test {
namespace {

using attest::Mode;
using What = Fault::What;

constexpr int kCalls = 3;

// TPM2_ClearControl(platform, NO), TPM2_Clear(platform): as it left the factory.
void clear(const Swtpm& swtpm) {
  const MeddlingTcti::Bytes authorised = {0x40, 0, 0, 0x0c, 0, 0, 0, 9, 0x40,
                                          0,    0, 9, 0,    0, 0, 0, 0};
  for (const std::uint8_t command : std::initializer_list<std::uint8_t>{0x27, 0x26}) {
    MeddlingTcti::Bytes bytes = {0x80, 0x02, 0, 0, 0, 0, 0, 0, 0x01, command};
    bytes.insert(bytes.end(), authorised.begin(), authorised.end());
    if (command == 0x27) bytes.push_back(0);
    bytes[5] = static_cast<std::uint8_t>(bytes.size());
    ASSERT_EQ(code_in(swtpm.transmit(bytes)), 0u);
  }
}

// One attempt; how it failed, or "".
struct Attempt {
  std::string words;
  std::optional<tpm::TpmError::Kind> kind;  // if it was a TpmError
};

Attempt attempt(MeddlingTcti& tcti, Mode mode, MemoryKeeper& memory,
                std::chrono::milliseconds response = std::chrono::seconds(30)) {
  try {
    tpm::Device device(tcti.get(), {.response = response, .busy = std::chrono::milliseconds(50)});
    tpm::provision(device, make_plan(mode), memory.kept, memory.keeper());
    return {};
  } catch (const tpm::TpmError& error) {
    return {error.what(), error.kind()};
  } catch (const tpm::ProvisionRefused& refused) {
    return {refused.what(), {}};
  } catch (const std::exception& other) {
    return {"an exception of no kind: " + std::string(other.what()), {}};
  }
}

// What is not as it must be once provisioning says that it is done; "" if all is.
std::string unfinished(MeddlingTcti& tcti, Mode mode, const MemoryKeeper& memory) {
  if (!memory.trust || !memory.kept.genesis || !memory.kept.genesis_receipt) return "a file";
  const attest::TrustFile& trust = *memory.trust;
  const auto identity = trust.identity();
  const auto receipt = attest::decode_receipt(*memory.kept.genesis_receipt);
  if (!identity || !receipt) return "what the files hold";
  if (!attest::verify_receipt(*receipt, *identity, attest::genesis_digest(*memory.kept.genesis),
                              trust.first_counter, trust.first_extend)) {
    return "the genesis receipt";
  }
  tpm::Device device(tcti.get());
  const tpm::IndexState state = tpm::read_indexes(device, *memory.credentials);
  if (state.counter != trust.first_counter || state.extend != trust.first_extend) return "C or E";
  const attest::Hash nonce = attest::hash(attest::view("a nonce"));
  if (!attest::verify_quote(tpm::quote(device, *memory.credentials, nonce), *identity, nonce)) {
    return "the key";
  }
  const tpm::HierarchyState locks = tpm::hierarchy_state(device);
  const bool all = locks.owner_set && locks.lockout_set && locks.clear_disabled;
  const bool any = locks.owner_set || locks.lockout_set || locks.clear_disabled;
  if (!locks.endorsement_set || (mode == Mode::a ? !all : any)) return "a hierarchy's lock";
  return {};
}

// A TPM from which nothing can be flushed is full in the end.
bool is_left_over(const Rule& rule, tpm::TpmError::Kind kind) {
  return rule.code == kFlushContext && kind == tpm::TpmError::Kind::full;
}

void one_case(const Swtpm& swtpm, Mode mode, const Rule& rule, const NamedFault& fault,
              Tally& tally) {
  SCOPED_TRACE(testing::Message() << fault.name << " at call " << rule.nth << " of 0x" << std::hex
                                  << rule.code << (rule.times == 1 ? "" : " and ever after"));
  clear(swtpm);
  MemoryKeeper memory;
  MeddlingTcti tcti(swtpm);
  tcti.meddle(rule, fault.fault);
  const Attempt first = attempt(tcti, mode, memory);
  EXPECT_GE(tcti.meddled, 1) << "the fault did not happen";
  ++tally.injected;
  tcti.leave_alone();
  const bool is_code = fault.fault.what == What::answer;
  const bool is_named =
      first.words.find("an exception of no kind") == std::string::npos &&
      (!is_code || first.words.find("unexpected") == std::string::npos) &&
      (!is_code || !first.kind || *first.kind == fault.kind || is_left_over(rule, *first.kind));
  if (!is_named) {
    ++tally.missed;
    ADD_FAILURE() << "not called what it is: " << first.words;
  }
  if (first.words.empty() && !unfinished(tcti, mode, memory).empty()) {
    ++tally.missed;
    ADD_FAILURE() << "done, it says, but for " << unfinished(tcti, mode, memory);
  }
  const Attempt second = attempt(tcti, mode, memory);
  const std::string wrong = second.words.empty() ? unfinished(tcti, mode, memory) : second.words;
  if (!wrong.empty()) {
    ++tally.lost;
    ADD_FAILURE() << "first: " << first.words << "\nsecond: " << wrong;
  }
}

std::vector<NamedFault> faults_of(Mode mode, const std::vector<NamedFault>& faults) {
  return mode == Mode::a ? faults : one_of_each_sort(faults);
}

// What provisioning sends when nothing is wrong: how often each command.
std::map<std::uint32_t, int> commands_of(const Swtpm& swtpm, Mode mode) {
  MemoryKeeper memory;
  MeddlingTcti tcti(swtpm);
  EXPECT_EQ(attempt(tcti, mode, memory).words, "");
  const auto sent = tcti.sent;
  EXPECT_EQ(unfinished(tcti, mode, memory), "");
  return sent;
}

class WireProvision : public testing::TestWithParam<std::tuple<Mode, int>> {
 protected:
  // Each command, call and fault; once, and where `lasting` says so also ever after.
  void every_case(int family, const std::vector<NamedFault>& faults,
                  bool (*lasting)(const NamedFault&)) {
    const auto& [mode, nth] = GetParam();
    const Swtpm swtpm;
    std::size_t commands = 0;
    Tally tally;
    for (const auto& [code, calls] : commands_of(swtpm, mode)) {
      if (calls < nth) continue;
      ++commands;
      for (const NamedFault& fault : faults_of(mode, faults)) {
        one_case(swtpm, mode, {code, nth, 1}, fault, tally);
        if (lasting(fault)) one_case(swtpm, mode, {code, nth, Rule::kForEver}, fault, tally);
        ASSERT_LT(tally.lost, 10u) << "given up";
      }
    }
    EXPECT_GT(commands, 0u);
    tally.report(family, std::string("provisioning, mode ") + static_cast<char>(mode) + ", " +
                             std::to_string(commands) + " commands at call " + std::to_string(nth));
  }
};

TEST_P(WireProvision, ACodeAtAnyCommandLeavesNothingThatASecondRunCannotFinish) {
  every_case(45, code_faults(), [](const NamedFault& fault) { return fault.stands_for_others; });
}

TEST_P(WireProvision, ASpoiledResponseLeavesNothingThatASecondRunCannotFinish) {
  every_case(51, response_faults(), [](const NamedFault&) { return false; });
}

// The late response comes while the second run is at work, and reaches nobody.
TEST(WireProvisionLate, AResponseThatComesTooLateLeavesNothingThatASecondRunCannotFinish) {
  Tally tally;
  const Swtpm swtpm;
  for (const auto& [code, calls] : commands_of(swtpm, Mode::a)) {
    for (int nth = 1; nth <= std::min(calls, kCalls); ++nth) {
      SCOPED_TRACE(testing::Message() << "call " << nth << " of 0x" << std::hex << code);
      clear(swtpm);
      MemoryKeeper memory;
      MeddlingTcti tcti(swtpm);
      tcti.meddle({code, nth, 1}, {What::late, 0, {}});
      // On a slow machine more may come late: also that is a lost device.
      const Attempt first = attempt(tcti, Mode::a, memory, std::chrono::milliseconds(200));
      ++tally.injected;
      // FlushContext is not asked what came of it: the next command shows it.
      const bool lost = first.kind == tpm::TpmError::Kind::lost_device || code == kFlushContext;
      if (!lost) ++tally.missed;
      EXPECT_TRUE(lost) << first.words;
      const Attempt second = attempt(tcti, Mode::a, memory);
      tcti.leave_alone();
      const std::string wrong =
          second.words.empty() ? unfinished(tcti, Mode::a, memory) : second.words;
      if (!wrong.empty()) ++tally.lost;
      EXPECT_EQ(wrong, "") << "first: " << first.words;
    }
  }
  tally.report(52, "provisioning, a response later than we wait, at each command");
}

TEST(WireProvisionFull, FindsRoomInATpmFullOfSomebodyElsesSessionsAndObjects) {
  Tally tally;
  for (const Mode mode : {Mode::a, Mode::b}) {
    Swtpm swtpm;
    fill_slots(swtpm);
    MemoryKeeper memory;
    MeddlingTcti tcti(swtpm);
    ++tally.injected;
    const std::string words = attempt(tcti, mode, memory).words;
    if (!words.empty() || !unfinished(tcti, mode, memory).empty()) ++tally.lost;
    EXPECT_EQ(words, "");
  }
  tally.report(53, "provisioning with every slot taken");
}

std::string mode_and_call(const testing::TestParamInfo<std::tuple<Mode, int>>& made) {
  return std::string(std::get<0>(made.param) == Mode::a ? "ModeA" : "ModeB") + "AtCall" +
         std::to_string(std::get<1>(made.param));
}

INSTANTIATE_TEST_SUITE_P(Every, WireProvision,
                         testing::Combine(testing::Values(Mode::a, Mode::b),
                                          testing::Range(1, kCalls + 1)),
                         mode_and_call);

}  // namespace
}  // namespace stele::test
