#include "tpm/bounded_connect.h"

#include <tss2/tss2_tctildr.h>

#include <thread>
#include <utility>

namespace stele::tpm {
namespace {

struct Attempt {
  std::string name;
  std::future<OpenedTcti> opened;
};

void open(const std::string& name, std::promise<OpenedTcti> opened) {
  auto in_use = std::make_shared<std::promise<void>>();
  const std::future<void> closed = in_use->get_future();
  TSS2_TCTI_CONTEXT* context = nullptr;
  const TSS2_RC rc = Tss2_TctiLdr_Initialize(name.c_str(), &context);
  opened.set_value(OpenedTcti{rc, {context, CloseTcti{std::move(in_use)}}});
  // What nobody waits for any more is closed here.
  opened = {};
  closed.wait();
}

Attempt begin(const std::string& name) {
  std::promise<OpenedTcti> opened;
  Attempt attempt{name, opened.get_future()};
  std::thread(open, name, std::move(opened)).detach();
  return attempt;
}

}  // namespace

void CloseTcti::operator()(TSS2_TCTI_CONTEXT* context) const {
  Tss2_TctiLdr_Finalize(&context);
}

std::optional<OpenedTcti> open_tcti(const std::string& name, std::chrono::milliseconds limit) {
  thread_local std::optional<Attempt> attempt;
  if (!attempt || attempt->name != name) attempt = begin(name);
  if (attempt->opened.wait_for(limit) != std::future_status::ready) return std::nullopt;
  OpenedTcti opened = attempt->opened.get();
  attempt.reset();
  return opened;
}

}  // namespace stele::tpm
