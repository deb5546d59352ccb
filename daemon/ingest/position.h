// An input's position: how far its source has been read, durable with the event it came with.
//
// It is the TLV sender_position, "INPUT=POSITION", of the event, of the gap record that moves it, or
// of a note. What an input finds again after a restart, or a SIGKILL, is therefore exactly what the
// log holds.
// Thread safety: pure. Errors: newest_position as Store::visit. Blocks: newest_position reads back
// to where the newest position is. See: README.md, "Positions".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attest/record.h"
#include "daemon/sequencer.h"
#include "storage/store.h"

namespace stele::daemon {

struct Position {
  std::uint64_t index = 0;   // of the record that has it
  std::int64_t time_ns = 0;  // when that was received
  std::string value;
};
std::optional<Position> newest_position(const storage::Store& store, std::string_view input);

// Of this input, from a record's TLVs.
std::optional<std::string_view> position_in(attest::ByteView tlvs, std::string_view input);

attest::Bytes position_tlv(std::string_view input, std::string_view value);
std::string position_text(std::string_view input);  // the content of a note that states one

// Puts the position beside the batch's newest item.
void add_position(Batch& batch, std::string_view input, std::string_view value);

// A note that states the position anew, so that the way back to it stays short, however much
// others have to say meanwhile. Due after kPositionRenewal records without one.
Batch position_note(std::string_view input, std::string_view value);
constexpr std::uint64_t kPositionRenewal = std::uint64_t{1} << 18;  // records

}  // namespace stele::daemon
