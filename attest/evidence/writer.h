// EvidenceWriter: the parts of an evidence bundle, as bytes to a sink, one after another.
//
// Thread safety: one thread. Errors: order and limits of format.h are the caller's to keep (ENSURE);
// what the sink throws goes through. Memory: the part being written.
#pragma once

#include <functional>

#include "attest/evidence/format.h"

namespace stele::attest {

class EvidenceWriter {
 public:
  using Sink = std::function<void(ByteView)>;
  // version: with heads exactly if a HeadsPart will be written.
  explicit EvidenceWriter(Sink sink, std::uint16_t version = kEvidenceVersion);
  void write(const EvidencePart& part);  // EndPart: the last
  std::uint64_t size() const { return size_; }  // records shown or elided so far, the start's too
  std::uint64_t bytes() const { return bytes_; }

 private:
  void begin(PartKind kind);
  void end();
  void encode(const TrustPart& part);
  void encode(const AnswerPart& part);
  void encode(const HeadsPart& part);
  void encode(const StartPart& part);
  void encode(const EarlierPart& part);
  void encode(const EntryPart& part);
  void encode(const RecordPart& part);
  void encode(const ElidedPart& part);
  void encode(const LogPart& part);
  void encode(const EndPart& part);

  Sink sink_;
  const bool with_heads_;
  bool heads_written_ = false;
  Hasher hasher_;
  Bytes part_;  // header and payload
  std::uint64_t size_ = 0, bytes_ = 0;
};

}  // namespace stele::attest
