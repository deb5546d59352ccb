#include "tpm/bounded_connect.h"

#include <tss2/tss2_tctildr.h>

#include <future>
#include <thread>

namespace stele::tpm {
namespace {

struct Attempt {
  std::string name;
  std::future<OpenedTcti> opened;
};

Attempt begin(const std::string& name) {
  std::packaged_task<OpenedTcti()> task([name] {
    TSS2_TCTI_CONTEXT* context = nullptr;
    const TSS2_RC rc = Tss2_TctiLdr_Initialize(name.c_str(), &context);
    return OpenedTcti{rc, std::unique_ptr<TSS2_TCTI_CONTEXT, CloseTcti>(context)};
  });
  Attempt attempt{name, task.get_future()};
  std::thread(std::move(task)).detach();
  return attempt;
}

}  // namespace

void CloseTcti::operator()(TSS2_TCTI_CONTEXT* context) const {
  Tss2_TctiLdr_Finalize(&context);
}

std::optional<OpenedTcti> open_tcti(const std::string& name, std::chrono::milliseconds limit) {
  // What nobody waits for any more closes itself when it does come back.
  thread_local std::optional<Attempt> attempt;
  if (!attempt || attempt->name != name) attempt = begin(name);
  if (attempt->opened.wait_for(limit) != std::future_status::ready) return std::nullopt;
  OpenedTcti opened = attempt->opened.get();
  attempt.reset();
  return opened;
}

}  // namespace stele::tpm
