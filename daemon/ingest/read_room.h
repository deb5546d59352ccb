// Room for reading: of one input, large buffers that are lent to a connection while something
// undecoded lies in them, and then to the next.
//
// What a connection owns is small (kOwnReadBytes, read_buffer.h); with a large buffer a busy one
// makes fewer reads and larger batches. All that connections hold together is so bounded by their
// number and kLentBytes, whatever they send and in whatever order: where all are lent, a connection
// reads into its own. The memory is taken once, never filled with zeros, lent last come first
// served while it is warm, and costs nothing until it is touched; what was touched stays.
// Thread safety: one executor on one thread. Errors: the constructor: std::bad_alloc; nothing else.
// Lifetime: outlives whatever it has lent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace stele::daemon {

// Of each connection: a TLS record, and more than a sender that is not busy has at once.
constexpr std::size_t kOwnReadBytes = 16u << 10;
// Of one large buffer: 800 events of 322 bytes, and what a Unix socket holds by default (208 KiB).
constexpr std::size_t kLentReadBytes = 256u << 10;
// Of all large buffers of an input: sixteen busy connections that wait for the queue have one each.
constexpr std::size_t kLentBytes = 4u << 20;

class ReadRoom {
 public:
  struct GiveBack {
    ReadRoom* to = nullptr;
    void operator()(std::uint8_t* bytes) const noexcept { to->free_.push_back(bytes); }
  };
  using Lent = std::unique_ptr<std::uint8_t[], GiveBack>;

  explicit ReadRoom(std::size_t each_bytes = kLentReadBytes, std::size_t all_bytes = kLentBytes)
      : each_bytes_(each_bytes),
        count_(all_bytes / each_bytes),
        bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(count_ * each_bytes)) {
    free_.reserve(count_);  // giving back never allocates
    for (std::size_t i = count_; i > 0; --i) free_.push_back(bytes_.get() + (i - 1) * each_bytes);
  }
  ReadRoom(const ReadRoom&) = delete;
  ReadRoom& operator=(const ReadRoom&) = delete;

  // each_bytes() that are given back when it is let go of; empty: all are lent.
  Lent lend() {
    if (free_.empty()) return nullptr;
    std::uint8_t* const one = free_.back();
    free_.pop_back();
    return Lent(one, GiveBack{this});
  }
  std::size_t each_bytes() const { return each_bytes_; }
  std::size_t lent() const { return count_ - free_.size(); }  // buffers
  std::size_t count() const { return count_; }

 private:
  const std::size_t each_bytes_;
  const std::size_t count_;
  const std::unique_ptr<std::uint8_t[]> bytes_;
  std::vector<std::uint8_t*> free_;  // the warmest last
};

}  // namespace stele::daemon
