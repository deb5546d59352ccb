// A TCTI that passes everything on to another one, and waits no longer than it was told to.
//
// The TCTIs of tpm2-tss 3.2 ignore the time-out of receive(), and give no descriptor to poll. So
// each command is sent and its response awaited on a thread of its own, begun with the first and
// kept for the next. Where it does not come back in time, it is abandoned with the inner TCTI, which
// it gives up when it does come back. What fails in sending is told by receive(). Internal to tpm/.
// Thread safety: none. Blocks: at most the limit. Errors: the inner TCTI's; TSS2_TCTI_RC_IO_ERROR
// after a time-out, and ever after.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tpm/own_tcti.h"

namespace stele::tpm {

class BoundedTcti {
 public:
  // end: gives the inner TCTI up; called once, by the last thread that uses it.
  BoundedTcti(TSS2_TCTI_CONTEXT* inner, std::function<void(TSS2_TCTI_CONTEXT*)> end,
              std::chrono::milliseconds limit);
  BoundedTcti(const BoundedTcti&) = delete;
  BoundedTcti& operator=(const BoundedTcti&) = delete;
  ~BoundedTcti();
  TSS2_TCTI_CONTEXT* get() { return context_.get(); }

 private:
  friend class OwnTcti<BoundedTcti>;
  // The inner TCTI and the bytes on their way: outlives this object while a thread is stuck in it.
  struct Line;

  TSS2_RC transmit(std::size_t size, const std::uint8_t* command);
  TSS2_RC receive(std::size_t* size, std::uint8_t* response);
  TSS2_RC run(std::function<TSS2_RC(Line&)> step);
  static void work(const std::shared_ptr<Line>& line);

  std::chrono::milliseconds limit_;
  std::vector<std::uint8_t> command_;  // transmitted, and to be sent
  std::shared_ptr<Line> line_;
  std::thread worker_;
  OwnTcti<BoundedTcti> context_{*this};
};

}  // namespace stele::tpm
