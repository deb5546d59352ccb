#include "storage/packed_block.h"

#include <zstd.h>

#include <utility>

#include "storage/block_content.h"

namespace stele::storage {

using attest::Bytes;
using attest::ByteView;
using attest::Defect;
using attest::Fault;
using attest::RecordView;

std::optional<Bytes> unpack(ByteView stored, std::size_t plain) {
  Bytes out(plain);
  const std::size_t written = ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size());
  if (ZSTD_isError(written) != 0 || written != plain) return std::nullopt;
  return out;
}

std::span<const RecordView> PackedBlock::contents() const {
  std::call_once(opened_, [this] { open(); });
  return contents_;
}

void PackedBlock::open() const {
  contents_.assign(header_.count, RecordView{});
  if (header_.cipher != 0 || header_.codec > 1) {
    for (RecordView& record : contents_) record.state = RecordView::State::codec_unknown;
    return;
  }
  if (header_.codec == 0) {
    plain_ = std::move(stored_);
  } else if (auto plain = unpack(stored_, header_.plain)) {
    plain_ = *std::move(plain);
  } else {
    return;
  }
  stored_ = {};
  if (!read_plain_block(plain_, contents_)) contents_.assign(header_.count, RecordView{});
}

PackedBlocks::PackedBlocks(const File& file, std::uint64_t begin, std::uint32_t first)
    : window_(file, file.size()), at_(begin), covered_(first) {}

attest::Result<BlockHeader> PackedBlocks::header() {
  const auto header = decode_packed_block_header(window_.peek(at_, kBlockHeaderBytes));
  if (!header) return Defect(header.error().fault, {}, "a block header cannot be read");
  if (header->first != covered_) {
    return Defect(Fault::value_out_of_range, {}, "a block holds other records than it must");
  }
  // Of a codec that nobody knows yet nothing is known of its lengths either.
  if (header->codec == 1 && header->plain > kMaxExpansion * header->stored) {
    return Defect(Fault::value_out_of_range, {}, "a block states more bytes than it can hold");
  }
  if (header->stored > window_.limit() - at_ - kBlockHeaderBytes) {
    return Defect(Fault::truncated, {}, "a block reaches past the end of the file");
  }
  return header;
}

attest::Result<BlockHeader> PackedBlocks::skip() {
  auto found = header();
  if (!found) return found;
  at_ += kBlockHeaderBytes + found->stored;
  covered_ += found->count;
  return found;
}

attest::Result<std::shared_ptr<const PackedBlock>> PackedBlocks::next() {
  const auto found = header();
  if (!found) return found.error();
  Bytes stored(found->stored);
  if (!window_.read(at_ + kBlockHeaderBytes, stored)) {
    return Defect(Fault::truncated, {}, "a block ends too early");
  }
  at_ += kBlockHeaderBytes + found->stored;
  covered_ += found->count;
  return std::make_shared<const PackedBlock>(*found, std::move(stored));
}

}  // namespace stele::storage
