// A TCTI between a Device and a TPM that counts commands and, by one rule, loses, delays, answers,
// repeats or changes them.
//
// What it passes on goes to a transport: a swtpm, on a connection for each command, so that a
// stranger can use it in between; or whatever else answers bytes with bytes.
// Thread safety: none, but for what a Device does: a thread that waits for a late response is left
// alone until release().
// Errors: what the rule takes away shows to ESYS as an I/O error of the transport.
#pragma once

#include <tss2/tss2_tcti.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/swtpm.h"

namespace stele::test {

// Command codes, as far as tests name them.
constexpr std::uint32_t kNvDefine = 0x12a, kFlushContext = 0x165, kEvictControl = 0x120,
                        kNvIncrement = 0x134, kNvExtend = 0x136, kNvRead = 0x14e,
                        kNvReadPublic = 0x169, kReadPublic = 0x173, kPcrExtend = 0x182,
                        kPcrRead = 0x17e, kQuoteCommand = 0x158, kSessionDigest = 0x14d,
                        kStartSession = 0x176, kReadClock = 0x181;

// What happens to one command, or to its response.
struct Fault {
  enum class What {
    lose_command,   // the TPM never gets it
    lose_response,  // the TPM executes it, and nobody hears
    late,           // executed; the response comes after release(), when nobody waits any more
    answer,         // the TPM never gets it; `code` is the response
    answer_after,   // executed, and yet `code` is the response
    stale,          // executed; the response before it comes once more
    change,         // executed; `change` has its way with the response
  };
  What what = What::lose_command;
  std::uint32_t code = 0;
  std::function<void(std::vector<std::uint8_t>&)> change;
};

// Which commands: the nth of this code (0: of any) from when the rule is made, and those after it.
struct Rule {
  static constexpr int kForEver = 1 << 30;
  std::uint32_t code = 0;
  int nth = 1;
  int times = 1;
};

class MeddlingTcti {
 public:
  using Bytes = std::vector<std::uint8_t>;
  using Transport = std::function<Bytes(const Bytes& command)>;
  explicit MeddlingTcti(Transport transport);
  explicit MeddlingTcti(const Swtpm& swtpm);
  ~MeddlingTcti();  // releases, and waits for whoever is still inside
  MeddlingTcti(const MeddlingTcti&) = delete;
  MeddlingTcti& operator=(const MeddlingTcti&) = delete;

  TSS2_TCTI_CONTEXT* get() { return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&table_); }
  void meddle(const Rule& rule, Fault fault);  // instead of the rule before
  void leave_alone();                          // no rule, no stranger; late responses come
  void release();
  void connect_to(const Swtpm& swtpm);  // from now on this one answers

  int commands = 0;                       // that ESYS has sent
  int meddled = 0;                        // to how many of them the present rule has applied
  std::map<std::uint32_t, int> sent;      // by command code
  std::map<std::uint32_t, int> executed;  // what the TPM answered with success
  std::function<void(std::uint32_t code)> before;  // a stranger may use the TPM here

 private:
  struct Table : TSS2_TCTI_CONTEXT_COMMON_V2 {
    MeddlingTcti* self;
  };
  static MeddlingTcti& of(TSS2_TCTI_CONTEXT* context) {
    return *reinterpret_cast<Table*>(context)->self;
  }
  TSS2_RC transmit(const Bytes& command);
  TSS2_RC receive(std::size_t* size, std::uint8_t* response);
  bool applies(std::uint32_t code);
  TSS2_RC carry_out(std::uint32_t code, const Bytes& command);
  Bytes pass_on(std::uint32_t code, const Bytes& command);

  Transport transport_;
  Table table_{};
  Rule rule_;
  Fault fault_;
  bool has_rule_ = false;
  int matched_ = 0;
  Bytes response_;
  Bytes previous_;
  bool is_late_ = false;

  std::mutex mutex_;  // guards the two below
  std::condition_variable changed_;
  std::uint64_t releases_ = 0;
  int waiting_ = 0;
};

// The command or response code in these bytes.
std::uint32_t code_in(const MeddlingTcti::Bytes& bytes);
// A whole response that says no more than this code.
MeddlingTcti::Bytes only_code(std::uint32_t code);

}  // namespace stele::test
