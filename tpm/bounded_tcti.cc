#include "tpm/bounded_tcti.h"

#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <utility>
#include <vector>

namespace stele::tpm {

struct BoundedTcti::Line {
  TSS2_TCTI_CONTEXT* inner = nullptr;
  std::function<void(TSS2_TCTI_CONTEXT*)> end;
  std::vector<std::uint8_t> bytes;

  std::mutex mutex;
  std::condition_variable asked;
  std::packaged_task<TSS2_RC()> next;  // what the worker is to do; the mutex guards it
  bool over = false;                   // nothing more will be asked

  ~Line() {
    if (end) end(inner);
  }
  void ask(std::packaged_task<TSS2_RC()> task) {
    {
      const std::lock_guard lock(mutex);
      next = std::move(task);
    }
    asked.notify_one();
  }
  void finish() {
    {
      const std::lock_guard lock(mutex);
      over = true;
    }
    asked.notify_one();
  }
};

BoundedTcti::BoundedTcti(TSS2_TCTI_CONTEXT* inner, std::function<void(TSS2_TCTI_CONTEXT*)> end,
                         std::chrono::milliseconds limit)
    : limit_(limit), line_(std::make_shared<Line>()) {
  line_->inner = inner;
  line_->end = std::move(end);
}

BoundedTcti::~BoundedTcti() {
  if (!worker_.joinable()) return;
  line_->finish();
  worker_.join();
}

TSS2_RC BoundedTcti::transmit(std::size_t size, const std::uint8_t* command) {
  command_.assign(command, command + size);
  return line_ ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

TSS2_RC BoundedTcti::receive(std::size_t* size, std::uint8_t* response) {
  if (response == nullptr) {
    *size = TPM2_MAX_RESPONSE_SIZE;
    return TSS2_RC_SUCCESS;
  }
  // At /dev/tpm* it is the write that lasts as long as the command does.
  const TSS2_RC rc = run([capacity = *size, command = std::move(command_)](Line& line) {
    const TSS2_RC sent = Tss2_Tcti_Transmit(line.inner, command.size(), command.data());
    if (sent != TSS2_RC_SUCCESS) return sent;
    line.bytes.resize(capacity);
    std::size_t got = capacity;
    const TSS2_RC received =
        Tss2_Tcti_Receive(line.inner, &got, line.bytes.data(), TSS2_TCTI_TIMEOUT_BLOCK);
    line.bytes.resize(std::min(got, capacity));
    return received;
  });
  if (rc != TSS2_RC_SUCCESS) return rc;
  std::copy(line_->bytes.begin(), line_->bytes.end(), response);
  *size = line_->bytes.size();
  return rc;
}

TSS2_RC BoundedTcti::run(std::function<TSS2_RC(Line&)> step) {
  if (!line_) return TSS2_TCTI_RC_IO_ERROR;
  if (!worker_.joinable()) worker_ = std::thread(work, line_);
  std::packaged_task<TSS2_RC()> task([line = line_.get(), step = std::move(step)] { return step(*line); });
  std::future<TSS2_RC> result = task.get_future();
  line_->ask(std::move(task));
  if (result.wait_for(limit_) != std::future_status::ready) {
    line_->finish();
    worker_.detach();
    line_.reset();  // the worker's alone now: a late answer reaches nobody
    return TSS2_TCTI_RC_IO_ERROR;
  }
  return result.get();
}

// Until nothing more will be asked. The line lives as long as this.
void BoundedTcti::work(const std::shared_ptr<Line>& line) {
  for (;;) {
    std::packaged_task<TSS2_RC()> task;
    {
      std::unique_lock lock(line->mutex);
      line->asked.wait(lock, [&] { return line->over || line->next.valid(); });
      if (!line->next.valid()) return;
      task = std::move(line->next);
    }
    task();
  }
}

}  // namespace stele::tpm
