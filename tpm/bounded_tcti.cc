#include "tpm/bounded_tcti.h"

#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

namespace stele::tpm {

struct BoundedTcti::Line {
  TSS2_TCTI_CONTEXT* inner = nullptr;
  std::function<void(TSS2_TCTI_CONTEXT*)> end;
  std::vector<std::uint8_t> bytes;

  ~Line() {
    if (end) end(inner);
  }
};

BoundedTcti::BoundedTcti(TSS2_TCTI_CONTEXT* inner, std::function<void(TSS2_TCTI_CONTEXT*)> end,
                         std::chrono::milliseconds limit)
    : limit_(limit), line_(std::make_shared<Line>()) {
  line_->inner = inner;
  line_->end = std::move(end);
}

TSS2_RC BoundedTcti::transmit(std::size_t size, const std::uint8_t* command) {
  // At /dev/tpm* it is the write that lasts as long as the command does.
  return run([bytes = std::vector<std::uint8_t>(command, command + size)](Line& line) {
    return Tss2_Tcti_Transmit(line.inner, bytes.size(), bytes.data());
  });
}

TSS2_RC BoundedTcti::receive(std::size_t* size, std::uint8_t* response) {
  if (response == nullptr) {
    *size = TPM2_MAX_RESPONSE_SIZE;
    return TSS2_RC_SUCCESS;
  }
  const TSS2_RC rc = run([capacity = *size](Line& line) {
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
  std::packaged_task<TSS2_RC()> task(
      [line = line_, step = std::move(step)] { return step(*line); });
  std::future<TSS2_RC> result = task.get_future();
  std::thread worker(std::move(task));
  if (result.wait_for(limit_) != std::future_status::ready) {
    worker.detach();
    line_.reset();  // the thread's alone now: a late answer reaches nobody
    return TSS2_TCTI_RC_IO_ERROR;
  }
  worker.join();
  return result.get();
}

}  // namespace stele::tpm
