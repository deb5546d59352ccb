// Reader and Writer: the only way in which this code takes integers out of bytes or puts them in.
//
// All integers are big-endian. A Reader never reads past its end: after the first short read it is
// failed, returns zeros and empty views, and stays failed; ask done() once, at the end.
// Thread safety: values. Trust: a Reader's bytes may come from anyone.
#pragma once

#include <cstdint>

#include "attest/hash.h"

namespace stele::attest {

class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes), size_(bytes.size()) {}
  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  std::int64_t i64();
  Hash hash();
  ByteView bytes(std::size_t count);   // a view into the input
  ByteView sized16();                  // u16 length, then that many bytes
  ByteView sized32();
  bool expect(ByteView literal);       // false (and failed) unless the next bytes are these
  std::size_t left() const { return rest_.size(); }
  std::size_t at() const { return size_ - rest_.size(); }
  bool failed() const { return failed_; }
  bool done() const { return !failed_ && rest_.empty(); }  // all read, nothing over

 private:
  ByteView rest_;
  std::size_t size_;
  bool failed_ = false;
};

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}
  Writer& u8(std::uint8_t v);
  Writer& u16(std::uint16_t v);
  Writer& u32(std::uint32_t v);
  Writer& u64(std::uint64_t v);
  Writer& i64(std::int64_t v);
  Writer& bytes(ByteView v);
  Writer& sized16(ByteView v);  // ENSUREs that it fits
  Writer& sized32(ByteView v);

 private:
  Bytes& out_;
};

}  // namespace stele::attest
