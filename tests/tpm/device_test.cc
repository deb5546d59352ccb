// Goal: a TPM that is absent, busy, silent or garbled is named, waited for within bounds, never
// believed. Method: wrong TCTI strings; a swtpm stopped in mid-air; a TCTI wrapped around a real
// one that changes responses on their way.
#include "tpm/device.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>

#include <chrono>
#include <fstream>
#include <functional>

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

TEST(Device, ASilentTpmIsGivenUp) {
  Swtpm swtpm;
  tpm::Device device(swtpm.tcti(), {.response = std::chrono::milliseconds(200), .busy = {}});
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

// Passes everything on to a real TCTI; a hook may change each response.
class Interposer {
 public:
  using Hook = std::function<void(std::uint32_t command, std::vector<std::uint8_t>& response)>;

  explicit Interposer(const std::string& tcti) {
    if (Tss2_TctiLdr_Initialize(tcti.c_str(), &inner_) != TSS2_RC_SUCCESS)
      throw std::runtime_error("TCTI");
    context_.common.v1.magic = 0x5354454c45544553;
    context_.common.v1.version = 2;
    context_.common.v1.transmit = [](TSS2_TCTI_CONTEXT* self, std::size_t size,
                                     const std::uint8_t* bytes) {
      Interposer& own = *reinterpret_cast<Context*>(self)->owner;
      own.command_ = static_cast<std::uint32_t>(bytes[8] << 8 | bytes[9]);
      ++own.sent;
      return Tss2_Tcti_Transmit(own.inner_, size, bytes);
    };
    context_.common.v1.receive = [](TSS2_TCTI_CONTEXT* self, std::size_t* size, std::uint8_t* bytes,
                                    std::int32_t timeout) {
      return reinterpret_cast<Context*>(self)->owner->receive(size, bytes, timeout);
    };
    context_.owner = this;
  }
  ~Interposer() { Tss2_TctiLdr_Finalize(&inner_); }
  TSS2_TCTI_CONTEXT* tcti() { return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&context_); }

  Hook hook;
  int sent = 0;

 private:
  struct Context {
    TSS2_TCTI_CONTEXT_COMMON_V2 common{};
    Interposer* owner = nullptr;
  };

  TSS2_RC receive(std::size_t* size, std::uint8_t* bytes, std::int32_t timeout) {
    if (bytes == nullptr) {
      *size = 4096;
      return TSS2_RC_SUCCESS;
    }
    std::vector<std::uint8_t> response(4096);
    std::size_t got = response.size();
    const TSS2_RC rc = Tss2_Tcti_Receive(inner_, &got, response.data(), timeout);
    if (rc != TSS2_RC_SUCCESS) return rc;
    response.resize(got);
    if (hook) hook(command_, response);
    if (response.empty()) return TSS2_TCTI_RC_IO_ERROR;
    if (response.size() > *size) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    std::copy(response.begin(), response.end(), bytes);
    *size = response.size();
    return TSS2_RC_SUCCESS;
  }

  TSS2_TCTI_CONTEXT* inner_ = nullptr;
  Context context_;
  std::uint32_t command_ = 0;
};

std::vector<std::uint8_t> only_code(std::uint32_t code) {
  return {0x80,
          0x01,
          0,
          0,
          0,
          10,
          0,
          0,
          static_cast<std::uint8_t>(code >> 8),
          static_cast<std::uint8_t>(code)};
}

constexpr std::uint32_t kReadClock = 0x181;
constexpr std::uint32_t kIncrement = 0x134;

TEST(Device, ABusyTpmIsAskedAgainUntilItsTimeIsUp) {
  Swtpm swtpm;
  Interposer interposer(swtpm.tcti());
  for (const std::uint32_t code : {0x922u, 0x908u, 0x90Au, 0x920u, 0x923u}) {
    tpm::Device device(interposer.tcti(), {.busy = std::chrono::milliseconds(800)});
    int left = 7;  // ESYS itself tries again five times, for some of the codes
    interposer.hook = [&](std::uint32_t command, std::vector<std::uint8_t>& response) {
      if (command == kReadClock && left-- > 0) response = only_code(code);
    };
    EXPECT_NO_THROW((void)tpm::read_clock(device)) << std::hex << code;
    left = 1'000'000;
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
    Interposer interposer(log.swtpm.tcti());
    tpm::Device device(interposer.tcti());
    int increments = 0;
    interposer.hook = [&](std::uint32_t command, std::vector<std::uint8_t>& response) {
      if (command != kIncrement) return;
      ++increments;
      response.clear();  // it happened, but the answer is lost
    };
    try {
      (void)tpm::full_anchor(device, log.credentials(), attest::Statement{});
      ADD_FAILURE() << "an anchor without an answer";
    } catch (const tpm::TpmError& error) {
      EXPECT_EQ(error.kind(), Kind::lost_device) << error.what();
    }
    EXPECT_EQ(increments, 1);
  }
  log.device.emplace(log.swtpm.tcti());
  EXPECT_EQ(tpm::read_indexes(*log.device, log.credentials()).counter, before + 1);
}

// Attack 18: whatever an interposer does to a response, no receipt comes out that verifies for a
// wrong state, and nothing crashes. Every command of an anchor; bytes flipped and cut at many
// places.
TEST(Device, GarbledResponsesNeverBecomeAReceipt) {
  Provisioned log;
  log.device.reset();
  for (unsigned nth = 1; nth <= 16; ++nth) {
    for (const int what : {0, 1, 2}) {
      Interposer interposer(log.swtpm.tcti());
      tpm::Device device(interposer.tcti(), {.busy = std::chrono::milliseconds(20)});
      const tpm::IndexState state = tpm::read_indexes(device, log.credentials());
      attest::Statement statement;
      statement.counter = state.counter + 1;
      statement.prev_extend = state.extend;
      const attest::Hash digest = attest::statement_digest(attest::encode(statement));
      unsigned seen = 0;
      interposer.hook = [&](std::uint32_t, std::vector<std::uint8_t>& response) {
        if (++seen != nth || response.size() <= 10) return;
        if (what == 0) response[response.size() / 2] ^= 0x40;
        if (what == 1) response.resize(response.size() - 3);
        if (what == 2) response.back() ^= 1;
      };
      try {
        const attest::Receipt receipt = tpm::full_anchor(device, log.credentials(), statement);
        const auto verified =
            attest::verify_receipt(receipt, log.identity(), digest, statement.counter,
                                   attest::extended(statement.prev_extend, digest));
        if (!verified) continue;
        // Accepted: then the change touched nothing that the receipt says.
        interposer.hook = nullptr;
        const tpm::IndexState after = tpm::read_indexes(device, log.credentials());
        EXPECT_EQ(after.counter, statement.counter) << nth << ' ' << what;
        EXPECT_EQ(after.extend, attest::extended(statement.prev_extend, digest))
            << nth << ' ' << what;
      } catch (const tpm::TpmError&) {
        // Named; the state is what recovery will find.
      }
    }
  }
}

}  // namespace
}  // namespace stele::test
