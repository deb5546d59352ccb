// A TCTI between a Device and a swtpm that counts commands, lets a stranger in between, loses
// commands or responses, and changes responses, as the test says.
//
// Header only and without the TCTI loader: a TCTI is a table of functions.
// Thread safety: none.
// Errors: what the test orders shows to ESYS as an I/O error of the transport.
#pragma once

#include <tss2/tss2_tcti.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <vector>

#include "tests/support/swtpm.h"

namespace stele::test {

constexpr std::uint32_t kNvIncrement = 0x134, kNvExtend = 0x136, kNvRead = 0x14e,
                        kPcrExtend = 0x182, kQuoteCommand = 0x158, kSessionDigest = 0x14d;

class MeddlingTcti {
 public:
  using Bytes = std::vector<std::uint8_t>;
  explicit MeddlingTcti(const Swtpm& swtpm) : swtpm_(swtpm) {
    table_.v1.magic = 0x5354454c454d4544;
    table_.v1.version = 2;
    table_.v1.transmit = &transmit;
    table_.v1.receive = &receive;
    table_.v1.finalize = [](TSS2_TCTI_CONTEXT*) {};
    table_.v1.cancel = [](TSS2_TCTI_CONTEXT*) { return TSS2_RC{TSS2_TCTI_RC_NOT_IMPLEMENTED}; };
    table_.v1.getPollHandles = [](TSS2_TCTI_CONTEXT*, TSS2_TCTI_POLL_HANDLE*, size_t*) {
      return TSS2_RC{TSS2_TCTI_RC_NOT_IMPLEMENTED};
    };
    table_.v1.setLocality = [](TSS2_TCTI_CONTEXT*, uint8_t) { return TSS2_RC{TSS2_RC_SUCCESS}; };
    table_.makeSticky = [](TSS2_TCTI_CONTEXT*, TPM2_HANDLE*, uint8_t) {
      return TSS2_RC{TSS2_TCTI_RC_NOT_IMPLEMENTED};
    };
    table_.self = this;
  }
  MeddlingTcti(const MeddlingTcti&) = delete;
  MeddlingTcti& operator=(const MeddlingTcti&) = delete;

  TSS2_TCTI_CONTEXT* get() { return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&table_); }
  std::map<std::uint32_t, int> executed;  // how often the TPM has executed each command code
  int commands = 0;                       // all of them so far

  std::function<void(std::uint32_t code)> before;          // a stranger may use swtpm here
  std::function<bool(std::uint32_t code)> lose_command;    // it never reaches the TPM
  std::function<bool(std::uint32_t code)> lose_response;   // executed, but nobody hears
  std::function<void(std::uint32_t code, Bytes&)> change;  // the response

 private:
  struct Table : TSS2_TCTI_CONTEXT_COMMON_V2 {
    MeddlingTcti* self;
  };
  static MeddlingTcti& of(TSS2_TCTI_CONTEXT* context) {
    return *reinterpret_cast<Table*>(context)->self;
  }

  static TSS2_RC transmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command) {
    return of(context).execute(Bytes(command, command + size));
  }
  static TSS2_RC receive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t) {
    MeddlingTcti& self = of(context);
    if (self.response_.empty()) return TSS2_TCTI_RC_IO_ERROR;
    if (response == nullptr) {
      *size = self.response_.size();
      return TSS2_RC_SUCCESS;
    }
    if (*size < self.response_.size()) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    *size = self.response_.size();
    std::memcpy(response, self.response_.data(), self.response_.size());
    self.response_.clear();
    return TSS2_RC_SUCCESS;
  }

  TSS2_RC execute(const Bytes& command) {
    const std::uint32_t code = std::uint32_t{command[6]} << 24 | std::uint32_t{command[7]} << 16 |
                               std::uint32_t{command[8]} << 8 | command[9];
    ++commands;
    response_.clear();
    if (lose_command && lose_command(code)) return TSS2_TCTI_RC_IO_ERROR;
    if (before) before(code);
    Bytes response = swtpm_.transmit(command);
    ++executed[code];
    if (lose_response && lose_response(code)) return TSS2_RC_SUCCESS;
    if (change) change(code, response);
    response_ = std::move(response);
    return TSS2_RC_SUCCESS;
  }

  const Swtpm& swtpm_;
  Table table_{};
  Bytes response_;
};

}  // namespace stele::test
