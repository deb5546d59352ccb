#include "storage/block_content.h"

namespace stele::storage {

using attest::Defect;
using attest::Fault;
using attest::RecordView;

attest::Result<void> read_plain_block(attest::ByteView plain, std::span<RecordView> records) {
  attest::Reader table(plain);
  attest::Reader body(plain);
  body.bytes(records.size() * kBlockTableEntryBytes);
  for (RecordView& record : records) {
    record.content.salt = table.hash();
    const std::uint32_t tlv_length = table.u32();
    const std::uint32_t length = table.u32();
    if (tlv_length == kErased && length == kErased && record.content.salt == attest::Hash{}) {
      record.state = RecordView::State::erased;
      continue;
    }
    record.content.tlvs = body.bytes(tlv_length);
    record.content.bytes = body.bytes(length);
    record.state = RecordView::State::present;
    if (body.failed()) return Defect(Fault::truncated, {}, "a content reaches past its block");
  }
  if (!body.done()) return Defect(Fault::trailing_bytes, {}, "a block is longer than its contents");
  return attest::ok();
}

}  // namespace stele::storage
