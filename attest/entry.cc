#include "attest/entry.h"

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/utf8.h"

namespace stele::attest {
namespace {

// The one question after the last field has been read.
Result<void> verify_end(const Reader& reader, const char* what) {
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()), what);
  if (!reader.done()) return Defect(Fault::trailing_bytes, Place::byte(reader.at()), what);
  return ok();
}

}  // namespace

Bytes encode(const Voided& voided) {
  Bytes out;
  Writer(out).u8(static_cast<std::uint8_t>(voided.reason)).bytes(voided.digest);
  return out;
}

Result<Voided> decode_voided(ByteView bytes) {
  Reader reader(bytes);
  Voided voided;
  voided.reason = static_cast<VoidReason>(reader.u8());
  voided.digest = reader.hash();
  if (auto end = verify_end(reader, "void"); !end) return end.error();
  if (voided.reason != VoidReason::run_changed && voided.reason != VoidReason::kept) {
    return Defect(Fault::value_out_of_range, {}, "void: reason");
  }
  return voided;
}

Bytes encode(const Remark& remark) {
  ENSURE(remark.text.size() <= kMaxRemarkBytes && is_utf8(remark.text));
  Bytes out;
  Writer(out)
      .u8(static_cast<std::uint8_t>(remark.code))
      .i64(remark.time_ns)
      .u64(remark.seq)
      .sized16(view(remark.text));
  return out;
}

Result<Remark> decode_remark(ByteView bytes) {
  Reader reader(bytes);
  Remark remark;
  remark.code = static_cast<RemarkCode>(reader.u8());
  remark.time_ns = reader.i64();
  remark.seq = reader.u64();
  const ByteView text = reader.sized16();
  remark.text.assign(text.begin(), text.end());
  if (auto end = verify_end(reader, "remark"); !end) return end.error();
  if (remark.code < RemarkCode::foreign_extend || remark.code > RemarkCode::resumed) {
    return Defect(Fault::value_out_of_range, {}, "remark: code");
  }
  if (remark.text.size() > kMaxRemarkBytes || !is_utf8(remark.text)) {
    return Defect(Fault::value_out_of_range, {}, "remark: text");
  }
  return remark;
}

}  // namespace stele::attest
