// Goal: a TPM that is absent, busy, silent or garbled is named, waited for within bounds, never
// believed. Method: wrong TCTI strings; a swtpm stopped in mid-air; a TCTI that meddles with
// responses on their way.
#include "tpm/device.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>

#include "tests/support/meddling_tcti.h"
#include "tests/support/own_threads.h"
#include "tests/support/vectors.h"
#include "tests/tpm/provisioned.h"

namespace stele::test {
namespace {

using Kind = tpm::TpmError::Kind;

std::string refusal(const std::string& tcti) {
  try {
    const tpm::Device device(tcti);
  } catch (const tpm::TpmError& error) {
    EXPECT_NE(std::string(error.what()).find("'" + tcti + "'"), std::string::npos) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(Device, AnUnreachableTpmIsNamedWithWhatToDo) {
  EXPECT_NE(refusal("device:/dev/no-such-tpm").find("kernel driver"), std::string::npos);
  // The TSS would write a command into it: it must not even be opened.
  const Scratch scratch;
  std::ofstream(scratch / "file") << "precious";
  EXPECT_NE(refusal("device:" + (scratch / "file")).find("not a device"), std::string::npos);
  EXPECT_EQ(read_file(scratch / "file"), "precious");
  EXPECT_NE(refusal("nonsense:port=1").find("unknown TCTI"), std::string::npos);
  Swtpm swtpm;
  swtpm.kill();
  EXPECT_NE(refusal(swtpm.tcti()).find("started"), std::string::npos);
}

TEST(Device, KnowsASimulator) {
  Swtpm swtpm;
  tpm::Device device(swtpm.tcti());
  const tpm::Device::Kind kind = device.kind();
  EXPECT_EQ(kind.manufacturer, "IBM");
  EXPECT_TRUE(kind.model.starts_with("SW")) << kind.model;
  EXPECT_TRUE(kind.simulator);
  EXPECT_NE(kind.firmware, 0u);
}

TEST(Device, AProgramBetweenUsAndTheTpmLivesAsLongAsTheDevice) {
  const Swtpm swtpm;
  const std::string tcti = "cmd:exec socat - TCP:127.0.0.1:" + std::to_string(swtpm.port());
  for (int round = 0; round < 20; ++round) {
    tpm::Device device(tcti);
    for (int command = 0; command < 5; ++command) EXPECT_EQ(device.kind().manufacturer, "IBM");
  }
}

TEST(Device, ASilentTpmIsGivenUp) {
  Swtpm swtpm;
  {
    // It listens, but on a loaded machine may not serve a client at once.
    tpm::Device patient(swtpm.tcti());
    EXPECT_NO_THROW((void)tpm::read_clock(patient));
  }
  tpm::Device device(swtpm.tcti(), {.response = std::chrono::seconds(3), .busy = {}});
  ::kill(swtpm.pid(), SIGSTOP);
  try {
    (void)tpm::read_clock(device);
    ADD_FAILURE() << "a stopped TPM answered";
  } catch (const tpm::TpmError& error) {
    EXPECT_EQ(error.kind(), Kind::lost_device) << error.what();
  }
  ::kill(swtpm.pid(), SIGCONT);
  // The late answer is never taken for that of another command.
  EXPECT_THROW((void)tpm::read_clock(device), tpm::TpmError);
  tpm::Device again(swtpm.tcti());
  EXPECT_NO_THROW((void)tpm::read_clock(again));
}

TEST(Device, ATpmThatIsSilentWhileItIsConnectedToIsGivenUpAndCostsOneThread) {
  Swtpm swtpm, other;  // both before: what begins later inherits the TSS's sockets
  ::kill(swtpm.pid(), SIGSTOP);
  test::begin_with_a_thread();
  const std::ptrdiff_t before = test::count_threads();
  for (int attempt = 0; attempt < 4; ++attempt) {
    try {
      const tpm::Device device(swtpm.tcti(),
                               {.response = std::chrono::milliseconds(50), .busy = {}});
      ADD_FAILURE() << "connected to a stopped TPM";
    } catch (const tpm::TpmError& error) {
      EXPECT_EQ(error.kind(), Kind::lost_device) << error.what();
      EXPECT_NE(std::string(error.what()).find("does not answer"), std::string::npos);
    }
  }
  EXPECT_LE(test::count_threads(), before + 1);
  // Once it goes on, the attempt that waited is the connection.
  ::kill(swtpm.pid(), SIGCONT);
  {
    tpm::Device late(swtpm.tcti());
    EXPECT_NO_THROW((void)tpm::read_clock(late));
  }
  // Another TPM does not wait behind one that hangs; nor does what came back for nobody stand in
  // the way.
  ::kill(swtpm.pid(), SIGSTOP);
  EXPECT_THROW(tpm::Device(swtpm.tcti(), {.response = std::chrono::milliseconds(50), .busy = {}}),
               tpm::TpmError);
  tpm::Device elsewhere(other.tcti());
  EXPECT_NO_THROW((void)tpm::read_clock(elsewhere));
  ::kill(swtpm.pid(), SIGCONT);
  tpm::Device again(swtpm.tcti());
  EXPECT_NO_THROW((void)tpm::read_clock(again));
}

TEST(Device, ABusyTpmIsAskedAgainUntilItsTimeIsUp) {
  Swtpm swtpm;
  MeddlingTcti tcti(swtpm);
  for (const std::uint32_t code : {0x922u, 0x908u, 0x90Au, 0x920u, 0x923u}) {
    // ESYS itself tries again five times, for some of the codes.
    const Fault busy{Fault::What::answer, code, {}};
    {
      // More time than a machine that stands still for a while takes from it.
      tpm::Device patient(tcti.get(), {.busy = std::chrono::minutes(1)});
      tcti.meddle({.code = kReadClock, .times = 7}, busy);
      EXPECT_NO_THROW((void)tpm::read_clock(patient)) << std::hex << code;
    }
    tpm::Device device(tcti.get(), {.busy = std::chrono::milliseconds(800)});
    tcti.meddle({.code = kReadClock, .times = Rule::kForEver}, busy);
    try {
      (void)tpm::read_clock(device);
      ADD_FAILURE() << "busy for ever, and yet an answer";
    } catch (const tpm::TpmError& error) {
      EXPECT_EQ(error.kind(), Kind::busy) << error.what();
    }
  }
}

TEST(Device, AnIncrementWithoutAnswerIsNeverSentAgain) {
  Provisioned log;
  const std::uint64_t before = tpm::read_indexes(*log.device, log.credentials()).counter;
  log.device.reset();
  {
    MeddlingTcti tcti(log.swtpm);
    tpm::Device device(tcti.get());
    tcti.meddle({.code = kNvIncrement, .times = Rule::kForEver},
                {Fault::What::lose_response, 0, {}});
    try {
      (void)tpm::full_anchor(device, log.credentials(), attest::Statement{});
      ADD_FAILURE() << "an anchor without an answer";
    } catch (const tpm::TpmError& error) {
      EXPECT_EQ(error.kind(), Kind::lost_device) << error.what();
    }
    EXPECT_EQ(tcti.sent[kNvIncrement], 1);
  }
  log.device.emplace(log.swtpm.tcti());
  EXPECT_EQ(tpm::read_indexes(*log.device, log.credentials()).counter, before + 1);
}

}  // namespace
}  // namespace stele::test
