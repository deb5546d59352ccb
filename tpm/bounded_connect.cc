#include "tpm/bounded_connect.h"

#include <tss2/tss2_tctildr.h>

#include <thread>
#include <utility>

#include "tpm/children.h"

namespace stele::tpm {
namespace {

struct ConnectAttempt {
  std::string name;
  std::future<OpenedTcti> opened;
  std::thread thread;

  ConnectAttempt(std::string name_, std::future<OpenedTcti> opened_, std::thread thread_)
      : name(std::move(name_)), opened(std::move(opened_)), thread(std::move(thread_)) {}
  ConnectAttempt(ConnectAttempt&&) = default;
  ConnectAttempt& operator=(ConnectAttempt&&) = delete;
  ~ConnectAttempt() {
    if (thread.joinable()) thread.detach();  // it may hang
  }
};

void open(const std::string& name, std::promise<OpenedTcti> opened) {
  std::future<void> closed;
  try {
    auto opener = std::make_shared<Opener>();
    closed = opener->in_use.get_future();
    TSS2_TCTI_CONTEXT* context = nullptr;
    const TSS2_RC rc = [&] {
      const ChildrenInheritNothing from_us;
      return Tss2_TctiLdr_Initialize(name.c_str(), &context);
    }();
    opened.set_value(OpenedTcti{rc, {context, CloseTcti{std::move(opener)}}});
  } catch (...) {
    opened.set_exception(std::current_exception());
    return;
  }
  // What nobody waits for any more is closed here.
  opened = {};
  closed.wait();
}

ConnectAttempt begin(const std::string& name) {
  std::promise<OpenedTcti> opened;
  std::future<OpenedTcti> future = opened.get_future();
  return ConnectAttempt(name, std::move(future), std::thread(open, name, std::move(opened)));
}

}  // namespace

Opener::~Opener() {
  in_use.set_value();
  if (thread.joinable()) thread.join();
}

void CloseTcti::operator()(TSS2_TCTI_CONTEXT* context) const {
  Tss2_TctiLdr_Finalize(&context);
}

std::optional<OpenedTcti> open_tcti(const std::string& name, std::chrono::milliseconds limit) {
  thread_local std::optional<ConnectAttempt> attempt;
  if (!attempt || attempt->name != name) attempt.emplace(begin(name));
  if (attempt->opened.wait_for(limit) != std::future_status::ready) return std::nullopt;
  ConnectAttempt ended = std::move(*attempt);
  attempt.reset();
  OpenedTcti opened = ended.opened.get();  // or what its thread met
  opened.context.get_deleter().opener->thread = std::move(ended.thread);
  return opened;
}

}  // namespace stele::tpm
