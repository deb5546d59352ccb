// EvidenceDecoder: an evidence bundle's parts, out of bytes as they come.
//
//   decoder.feed(bytes); while (auto part = decoder.next()) …     until the bytes end, then finish()
//
// Every length is compared with its kind's limit before a byte of the part is kept, and memory grows
// only with bytes that came. Accepted bytes re-encode to themselves (writer.h).
// Thread safety: one thread. Errors: bad_magic, version_unknown, truncated, trailing_bytes,
// value_out_of_range, with the byte; after one nothing more comes out. Memory: what was fed and not
// yet taken: at most a part and the newest bytes. Trust: from anyone.
#pragma once

#include <optional>

#include "attest/evidence/format.h"

namespace stele::attest {

class EvidenceDecoder {
 public:
  EvidenceDecoder();
  void feed(ByteView bytes);  // ends the life of the views in parts given
  // Nothing: more bytes are needed, or there is a defect, or the end has come.
  std::optional<EvidencePart> next();
  std::uint16_t version() const { return version_; }  // 0: not enough bytes yet, or a defect
  // The bytes have ended: whether all was taken, up to the end part.
  Result<void> finish() const;

 private:
  struct Header {
    PartKind kind{};
    std::size_t length = 0;
  };
  bool take_front();
  bool has_heads() const { return version_ == kEvidenceVersionWithHeads; }
  std::optional<Header> peek_header();
  Result<EvidencePart> decode(PartKind kind, ByteView payload);
  Result<void> verify_order(PartKind kind) const;
  Result<EvidencePart> decode_start(ByteView payload);
  Result<EvidencePart> decode_earlier(ByteView payload);
  Result<EvidencePart> decode_record(ByteView payload);
  Result<EvidencePart> decode_elided(ByteView payload);
  Result<EvidencePart> decode_end(ByteView payload);
  Defect refuse(Fault fault, std::string why) const;

  Bytes buffer_;
  std::size_t used_ = 0;      // of buffer_
  std::uint64_t before_ = 0;  // bytes before buffer_
  Hasher hasher_;
  std::uint16_t version_ = 0;  // 0: the front has not been taken
  bool heads_taken_ = false, ended_ = false;
  std::optional<PartKind> newest_;
  std::uint64_t size_ = 0;                    // records shown or elided
  std::optional<std::uint64_t> earlier_;      // index of the newest earlier record
  std::optional<Defect> defect_;
};

}  // namespace stele::attest
