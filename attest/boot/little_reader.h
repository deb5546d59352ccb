// A Reader for the boot formats, whose integers are little-endian.
//
// Only the integers differ: how it fails is attest/codec.h's Reader. Thread safety: a value.
// Trust: the bytes may come from anyone.
#pragma once

#include "attest/codec.h"

namespace stele::attest::boot {

class LittleReader {
 public:
  explicit LittleReader(ByteView bytes) : inner_(bytes) {}
  std::uint8_t u8() { return inner_.u8(); }
  std::uint16_t u16() {
    const std::uint16_t big = inner_.u16();
    return static_cast<std::uint16_t>(big << 8 | big >> 8);
  }
  std::uint32_t u32() {
    const std::uint32_t low = u16();
    return low | static_cast<std::uint32_t>(u16()) << 16;
  }
  ByteView bytes(std::size_t count) { return inner_.bytes(count); }
  std::size_t at() const { return inner_.at(); }
  std::size_t left() const { return inner_.left(); }
  bool failed() const { return inner_.failed(); }
  bool done() const { return inner_.done(); }

 private:
  Reader inner_;
};

}  // namespace stele::attest::boot
