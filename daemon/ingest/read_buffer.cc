#include "daemon/ingest/read_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "attest/check.h"

namespace stele::daemon {

boost::asio::mutable_buffer ReadBuffer::space() {
  if (needs_turn()) {
    take_long();
  } else if (!lent_ && !long_) {
    const bool leaves_it = was_long_ && room_.lent() > 0;
    if (ReadRoom::Lent lent = leaves_it ? nullptr : room_.lend()) {
      move_rest_to(lent.get(), room_.each_bytes());
      own_.reset();
      lent_ = std::move(lent);
    } else if (!own_) {
      take_own();
    }
  }
  if (begin_ > 0) move_rest_to(bytes_, capacity_);
  ENSURE(end_ < capacity_);
  // What follows a long event fits into its own: the turn goes to the next as soon as it is whole.
  const std::size_t room = capacity_ - end_;
  return {bytes_ + end_, long_ ? std::min(room, kOwnReadBytes) : room};
}

void ReadBuffer::settle() {
  was_long_ = was_long_ || is_long();
  const std::size_t left = end_ - begin_;
  if (left == 0) {
    clear();
  } else if (!own_ && left <= kOwnReadBytes) {
    take_own();
    lent_.reset();
    long_.reset();
  }
}

void ReadBuffer::clear() {
  own_.reset();
  lent_.reset();
  long_.reset();
  bytes_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

void ReadBuffer::take_own() {
  Bytes own = std::make_unique_for_overwrite<std::uint8_t[]>(kOwnReadBytes);
  move_rest_to(own.get(), kOwnReadBytes);
  own_ = std::move(own);
}

// Of all of it only what is touched becomes resident: it is mapped by itself (main.cc).
void ReadBuffer::take_long() {
  Bytes larger = std::make_unique_for_overwrite<std::uint8_t[]>(longest_bytes_);
  move_rest_to(larger.get(), longest_bytes_);
  long_ = std::move(larger);
  own_.reset();
  lent_.reset();
}

void ReadBuffer::move_rest_to(std::uint8_t* bytes, std::size_t capacity) {
  const std::size_t left = end_ - begin_;
  ENSURE(left <= capacity);
  if (left > 0) std::memmove(bytes, bytes_ + begin_, left);
  bytes_ = bytes;
  capacity_ = capacity;
  begin_ = 0;
  end_ = left;
}

}  // namespace stele::daemon
