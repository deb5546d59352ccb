// What one request takes of the room that the bodies of all connections share: http.buffer_bytes,
// from its first byte until its events are handed on.
//
// A body that was packed counts with what it became. Thread safety: one thread; `receiving` from
// any.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace stele::daemon {

struct BodyBuffers {
  std::size_t limit = 0;
  std::size_t used = 0;
  std::atomic<std::size_t> receiving{0};  // requests begun and not handed on
};

class BodyRoom {
 public:
  explicit BodyRoom(std::shared_ptr<BodyBuffers> of) : of_(std::move(of)) { ++of_->receiving; }
  ~BodyRoom() {
    --of_->receiving;
    of_->used -= bytes_;
  }
  BodyRoom(const BodyRoom&) = delete;
  BodyRoom& operator=(const BodyRoom&) = delete;

  // False: all of them are beyond the limit now. What was added counts until this is let go of.
  bool add(std::size_t bytes) {
    bytes_ += bytes;
    of_->used += bytes;
    return bytes == 0 || of_->used <= of_->limit;
  }

 private:
  const std::shared_ptr<BodyBuffers> of_;
  std::size_t bytes_ = 0;
};

}  // namespace stele::daemon
