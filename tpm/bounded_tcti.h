// A TCTI that passes everything on to another one, and waits no longer than it was told to.
//
// The TCTIs of tpm2-tss 3.2 ignore the time-out of receive(), and give no descriptor to poll. So
// each transmit and receive runs on a thread of its own; one that does not come back in time is
// abandoned, with the inner TCTI, which it gives up when it does come back. Internal to tpm/.
// Thread safety: none. Blocks: at most the limit. Errors: the inner TCTI's; TSS2_TCTI_RC_IO_ERROR
// after a time-out, and ever after.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "tpm/own_tcti.h"

namespace stele::tpm {

class BoundedTcti {
 public:
  // end: gives the inner TCTI up; called once, by the last thread that uses it.
  BoundedTcti(TSS2_TCTI_CONTEXT* inner, std::function<void(TSS2_TCTI_CONTEXT*)> end,
              std::chrono::milliseconds limit);
  BoundedTcti(const BoundedTcti&) = delete;
  BoundedTcti& operator=(const BoundedTcti&) = delete;
  TSS2_TCTI_CONTEXT* get() { return context_.get(); }

 private:
  friend class OwnTcti<BoundedTcti>;
  // The inner TCTI and the bytes on their way: outlives this object while a thread is stuck in it.
  struct Line;

  TSS2_RC transmit(std::size_t size, const std::uint8_t* command);
  TSS2_RC receive(std::size_t* size, std::uint8_t* response);
  TSS2_RC run(std::function<TSS2_RC(Line&)> step);

  std::chrono::milliseconds limit_;
  std::shared_ptr<Line> line_;
  OwnTcti<BoundedTcti> context_{*this};
};

}  // namespace stele::tpm
