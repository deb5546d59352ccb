// Opens a TCTI by its name, and waits no longer than it was told to.
//
// Some TCTIs talk to the TPM while they are opened: swtpm's waits on its control channel, for ever
// if swtpm is stopped or a firewall swallows what it says. So opening runs on a thread of its own.
// One that does not come back in time is not begun again: this thread's next call for the same TCTI
// waits for it, so that a TPM that hangs costs one thread and one connection, however often it is
// tried. The thread stays until what it opened is closed, which waits for its end: the program behind
// "cmd:" asks the kernel to be killed when the thread that began it ends. Internal to tpm/.
// Thread safety: each thread has attempts of its own. Blocks: at most the limit.
#pragma once

#include <tss2/tss2_tcti.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace stele::tpm {

// The thread that opened a TCTI. While there is one of these, it stays.
struct Opener {
  std::promise<void> in_use;
  std::thread thread;

  ~Opener();
};

struct CloseTcti {
  std::shared_ptr<Opener> opener;

  void operator()(TSS2_TCTI_CONTEXT* context) const;
};

struct OpenedTcti {
  TSS2_RC rc = TSS2_RC_SUCCESS;  // Tss2_TctiLdr_Initialize's
  std::unique_ptr<TSS2_TCTI_CONTEXT, CloseTcti> context;
};

// Nothing: not in time.
std::optional<OpenedTcti> open_tcti(const std::string& name, std::chrono::milliseconds limit);

}  // namespace stele::tpm
