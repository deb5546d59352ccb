// SHA-256 of many short messages: side by side where the processor can, one after another
// elsewhere.
//
// Messages are copied into one buffer, ordered by length and hashed in lanes (sha256_lanes.h) in
// batches that stay in the cache; long ones go to OpenSSL, which is as fast for them. Without
// lanes every message goes there: the same results, from the same calls.
// Thread safety: one thread. Memory: kBatchBytes and kLongestBytes, whatever the number of
// messages.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "attest/hash.h"

namespace stele::attest {

class HashMany {
 public:
  enum class How : std::uint8_t { as_fast_as_possible, one_by_one };
  explicit HashMany(How how = How::as_fast_as_possible);

  // H(parts[0] ‖ parts[1] ‖ …) into `out`, at the latest when finish() returns; until then `out`
  // must stay where it is. The parts are copied, or used at once.
  void add(std::initializer_list<ByteView> parts, Hash& out);
  void finish();

  // A batch: enough messages that those of one length fill lanes, little enough for a core's cache.
  static constexpr std::size_t kBatchMessages = 512;
  static constexpr std::size_t kBatchBytes = 256u << 10;
  // Longer ones gain nothing: OpenSSL's cost for each call is lost in them.
  static constexpr std::size_t kLongestBytes = 4096 - 9;

 private:
  struct Message {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    Hash* out = nullptr;
  };
  void order_by_blocks();
  void hash_lanes(std::span<const Message> messages);
  void hash_singly(std::span<const Message> messages);

  bool in_lanes_;
  Bytes bytes_;  // padded messages one after another, and room to read past the last
  std::size_t used_ = 0;
  std::vector<Message> messages_;
  std::vector<Message> ordered_;
};

// This thread's own, with its buffer.
HashMany& hash_many();

}  // namespace stele::attest
