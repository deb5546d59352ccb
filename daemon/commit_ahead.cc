#include "daemon/commit_ahead.h"

#include <exception>

#include "daemon/log.h"

namespace stele::daemon {
namespace {

struct GivenBack {
  ~GivenBack() { queue.prepared(); }
  BatchQueue& queue;
};

}  // namespace

CommitAhead::CommitAhead(BatchQueue& queue) : queue_(queue) {
  thread_ = std::thread([this] { run(); });
}

CommitAhead::~CommitAhead() {
  thread_.join();
}

void CommitAhead::run() {
  try {
    for (;;) {
      const std::vector<Batch*> batches = queue_.unprepared();
      if (batches.empty()) return;
      const GivenBack given_back{queue_};
      commit(batches);
    }
  } catch (const std::exception&) {
    try {
      log(Priority::warning, "commitments are no longer made ahead (out of memory, or OpenSSL's "
                             "ChaCha20 failed): the daemon goes on, slower under load");
    } catch (const std::exception&) {  // no memory to say so
    }
  }
}

// Should it fail, each batch has all of its commitments or none.
void CommitAhead::commit(const std::vector<Batch*>& batches) {
  std::size_t count = 0;
  for (const Batch* batch : batches) count += batch->items.size();
  made_salts_.resize(count);
  commitments_.resize(count);
  salts_.fill(made_salts_);
  contents_.clear();
  auto salt = made_salts_.cbegin();
  for (const Batch* batch : batches) {
    const attest::ByteView bytes(batch->bytes);
    for (const Batch::Item& item : batch->items) {
      contents_.push_back({*salt++, bytes.subspan(item.tlv_offset, item.tlv_length),
                           bytes.subspan(item.offset, item.length)});
    }
  }
  attest::commit_many(contents_, commitments_);
  std::size_t next = 0;
  for (Batch* batch : batches) {
    batch->commitments.reserve(batch->items.size());
    for (std::size_t i = 0; i < batch->items.size(); ++i, ++next) {
      batch->commitments.push_back({made_salts_[next], commitments_[next]});
    }
  }
}

}  // namespace stele::daemon
