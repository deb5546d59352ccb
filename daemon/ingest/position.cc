#include "daemon/ingest/position.h"

#include <algorithm>

#include "attest/codec.h"
#include "daemon/log.h"

namespace stele::daemon {
namespace {

constexpr std::uint64_t kWindow = 4096;  // records read at a time, backwards

}  // namespace

std::optional<std::string_view> position_in(attest::ByteView tlvs, std::string_view input) {
  attest::Reader in(tlvs);
  while (in.left() > 0 && !in.failed()) {
    const std::uint16_t type = in.u16();
    const attest::ByteView value = in.sized32();
    if (in.failed() || type != static_cast<std::uint16_t>(attest::TlvType::sender_position)) {
      continue;
    }
    std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
    if (!text.starts_with(input) || !text.substr(input.size()).starts_with('=')) continue;
    return text.substr(input.size() + 1);
  }
  return std::nullopt;
}

std::optional<Position> newest_position(const storage::Store& store, std::string_view input) {
  std::optional<Position> newest;
  const std::uint64_t size = store.head().size;
  bool told = false;
  for (std::uint64_t end = size; end > 0 && !newest;) {
    const std::uint64_t begin = end - std::min(end, kWindow);
    store.visit(begin, end, [&](const storage::StoredRecord& record) {
      if (const auto value = position_in(record.tlvs, input)) {
        newest = {record.index, record.leaf.time_ns, std::string(*value)};
      }
      return true;
    });
    end = begin;
    if (!newest && !told && size - end > 4 * kPositionRenewal) {
      told = true;
      log(Priority::notice, "looking for the position of the input " + std::string(input) +
                                " in the whole log, since its end has none");
    }
  }
  return newest;
}

attest::Bytes position_tlv(std::string_view input, std::string_view value) {
  attest::Bytes tlv;
  const std::string text = std::string(input) + "=" + std::string(value);
  attest::append_tlv(tlv, attest::TlvType::sender_position, attest::view(text));
  return tlv;
}

std::string position_text(std::string_view input) {
  return "{\"note\":\"position\",\"input\":\"" + std::string(input) + "\"}";
}

void add_position(Batch& batch, std::string_view input, std::string_view value) {
  const attest::Bytes tlv = position_tlv(input, value);
  Batch::Item& item = batch.items.back();
  item.tlv_offset = static_cast<std::uint32_t>(batch.bytes.size());
  item.tlv_length = static_cast<std::uint32_t>(tlv.size());
  batch.bytes.insert(batch.bytes.end(), tlv.begin(), tlv.end());
}

Batch position_note(std::string_view input, std::string_view value) {
  Batch batch;
  batch.clocks = read_clocks();
  const std::string text = position_text(input);
  batch.bytes.assign(text.begin(), text.end());
  batch.items.push_back(
      {attest::Kind::note, 0, static_cast<std::uint32_t>(text.size()), batch.clocks->wall_ns});
  add_position(batch, input, value);
  return batch;
}

}  // namespace stele::daemon
