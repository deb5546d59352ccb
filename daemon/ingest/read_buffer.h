// What one connection has received and not decoded, and where the next bytes go.
//
//   own    kOwnReadBytes, while anything lies in it: a silent connection has no memory at all
//   lent   a large buffer (read_room.h), until what is left fits into its own
//   long   room for the longest event, for who has a turn (long_events.h): the beginning of one,
//          and reads that add no more than its own can take over
//
// Whoever waits calls settle() first, so that he waits with as little as what he holds needs.
// Invariants: 1. the bytes of rest() are those received, in order, less those skipped. 2. space()
// is never empty. 3. Behind settle() a large buffer is held only for more than kOwnReadBytes.
// Thread safety: one executor on one thread. Errors: std::bad_alloc, and nothing has changed.
#pragma once

#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "attest/hash.h"
#include "daemon/ingest/read_room.h"

namespace stele::daemon {

class ReadBuffer {
 public:
  // longest_bytes: what decoding leaves of an unfinished event, and room for a read beside it.
  ReadBuffer(ReadRoom& room, std::size_t longest_bytes)
      : room_(room), longest_bytes_(longest_bytes) {}
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;

  attest::ByteView rest() const { return {bytes_ + begin_, end_ - begin_}; }
  // So many bytes of rest() are decoded.
  void skip(std::size_t count) {
    begin_ += count;
    if (count > 0 && own_) was_long_ = false;
  }
  // Room for one read, behind rest(), until received() has said how much of it was used. Takes a
  // large buffer if one is free. Where needs_turn() holds, whoever calls has that turn.
  boost::asio::mutable_buffer space();
  void received(std::size_t count) { end_ += count; }
  // Lets go of everything larger than what is left needs; of all, where nothing is left.
  void settle();
  void clear();  // nothing of it will be decoded
  // What is left is the beginning of a long event: the next space() is one for the longest.
  bool needs_turn() const { return !long_ && end_ - begin_ >= kOwnReadBytes; }
  bool is_long() const { return long_ != nullptr; }

 private:
  using Bytes = std::unique_ptr<std::uint8_t[]>;

  void move_rest_to(std::uint8_t* bytes, std::size_t capacity);
  void take_own();
  void take_long();

  ReadRoom& room_;
  const std::size_t longest_bytes_;
  // One of them at the most; bytes_ is its beginning.
  Bytes own_;
  ReadRoom::Lent lent_;
  Bytes long_;
  std::uint8_t* bytes_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // of what is not decoded
  std::size_t end_ = 0;    // of what has been received
  // Its last event was long, and so will the next one be: while others hold large buffers it takes
  // none, since it would wait for a turn with it.
  bool was_long_ = false;
};

}  // namespace stele::daemon
