// A TPM, reached through any TCTI: one ESYS context, used by one thread at a time.
//
// TCTI strings: "device:/dev/tpmrm0", "swtpm:host=127.0.0.1,port=2321", … (Tss2_TctiLdr).
// Blocks: connecting and every command, at most Limits::response (then lost_device; a thread stays
// behind until the TPM answers or the connection ends).
// Errors: TpmError; after kind lost_device every further command fails: make a new Device.
// Thread safety: none.
// Trust: everything read from it is believed only as far as a signature says (attest/receipt.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tpm/error.h"

struct ESYS_CONTEXT;
typedef struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB TSS2_TCTI_CONTEXT;

namespace stele::tpm {

class Device {
 public:
  struct Limits {
    std::chrono::milliseconds response{30'000};  // connecting, or a command, without an answer: given up
    std::chrono::milliseconds busy{10'000};      // a command the TPM puts off is sent again this long
  };
  explicit Device(const std::string& tcti) : Device(tcti, Limits{}) {}
  Device(const std::string& tcti, Limits limits);
  // Over a TCTI that the caller made (tests wrap one to drop, delay or garble); it must outlive the device.
  explicit Device(TSS2_TCTI_CONTEXT* tcti) : Device(tcti, Limits{}) {}
  Device(TSS2_TCTI_CONTEXT* tcti, Limits limits);
  Device(Device&&) noexcept;
  ~Device();
  ESYS_CONTEXT* esys() const;
  const Limits& limits() const;

  struct Kind {
    std::string manufacturer;  // "IBM", "IFX", …
    std::string model;
    std::uint64_t firmware = 0;
    bool simulator = false;    // swtpm/libtpms or another software TPM
  };
  Kind kind();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::tpm
