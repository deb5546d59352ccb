// The events that every benchmark uses: JSON access events of about 322 bytes, all different.
//
// Made once, from a fixed seed; the same bytes for our side and for each ceiling.
#pragma once

#include <cstdint>
#include <vector>

#include "attest/hash.h"

namespace stele::bench {

struct Events {
  attest::Bytes bytes;                       // one event a line, LF after each
  std::vector<attest::ByteView> each;        // views into bytes, LF excluded
};
const Events& events();                      // kEventCount of them
constexpr std::size_t kEventCount = 200'000;
constexpr std::size_t kGroup = 1'000;        // events a group where a group's size is fixed

}  // namespace stele::bench
