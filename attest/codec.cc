#include "attest/codec.h"

#include <algorithm>
#include <limits>

#include "attest/check.h"

namespace stele::attest {
namespace {

template <class T>
T take(ByteView bytes) {
  std::uint64_t out = 0;
  for (std::uint8_t b : bytes) out = out << 8 | b;
  return static_cast<T>(out);
}

template <class T>
void put(Bytes& out, T v) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(v) >> shift));
  }
}

}  // namespace

ByteView Reader::bytes(std::size_t count) {
  if (failed_ || count > rest_.size()) {
    failed_ = true;
    return {};
  }
  const ByteView out = rest_.first(count);
  rest_ = rest_.subspan(count);
  return out;
}

std::uint8_t Reader::u8() { return take<std::uint8_t>(bytes(1)); }
std::uint16_t Reader::u16() { return take<std::uint16_t>(bytes(2)); }
std::uint32_t Reader::u32() { return take<std::uint32_t>(bytes(4)); }
std::uint64_t Reader::u64() { return take<std::uint64_t>(bytes(8)); }
std::int64_t Reader::i64() { return take<std::int64_t>(bytes(8)); }

Hash Reader::hash() {
  Hash out;
  const ByteView from = bytes(out.bytes.size());
  std::copy(from.begin(), from.end(), out.bytes.begin());
  return out;
}

ByteView Reader::sized16() { return bytes(u16()); }
ByteView Reader::sized32() { return bytes(u32()); }

bool Reader::expect(ByteView literal) {
  const ByteView found = bytes(literal.size());
  if (failed_ || !std::equal(found.begin(), found.end(), literal.begin())) failed_ = true;
  return !failed_;
}

Writer& Writer::u8(std::uint8_t v) { return put(out_, v), *this; }
Writer& Writer::u16(std::uint16_t v) { return put(out_, v), *this; }
Writer& Writer::u32(std::uint32_t v) { return put(out_, v), *this; }
Writer& Writer::u64(std::uint64_t v) { return put(out_, v), *this; }
Writer& Writer::i64(std::int64_t v) { return put(out_, v), *this; }

Writer& Writer::bytes(ByteView v) {
  out_.insert(out_.end(), v.begin(), v.end());
  return *this;
}

Writer& Writer::sized16(ByteView v) {
  ENSURE(v.size() <= std::numeric_limits<std::uint16_t>::max());
  return u16(static_cast<std::uint16_t>(v.size())).bytes(v);
}

Writer& Writer::sized32(ByteView v) {
  ENSURE(v.size() <= std::numeric_limits<std::uint32_t>::max());
  return u32(static_cast<std::uint32_t>(v.size())).bytes(v);
}

}  // namespace stele::attest
