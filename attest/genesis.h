// The genesis of an era: the fixed bytes from which log_id, d_0 and E_0 follow; record 0 of the log.
//
//   magic "STELEGEN" · version u16 = 1 · mode u8 ('a' or 'b') · pcr u8 (is_anchor_pcr) · era u32 · salt 32
//   ak_name 34 · counter_name 34 · extend_name 34 (written Names, computed before they exist)
//   previous_log_id 32 · previous_tree_size u64 · previous_root 32 (all zero in era 0)
//   created_ns i64 · origin sized16 (is_origin) · tlvs sized16 (TLVs as in record.h)
//
//   log_id = H(genesis)    d_0 = H("stele/v1/genesis\0" ‖ genesis)    E_0 = H(0^32 ‖ d_0)
//
// Thread safety: values. Errors: truncated, trailing_bytes, bad_magic, version_unknown,
// value_out_of_range. Trust: pinned through log_id by the trust file.
#pragma once

#include <string>

#include "attest/attestation.h"
#include "attest/hash.h"
#include "attest/merkle.h"
#include "attest/result.h"

namespace stele::attest {

enum class Mode : std::uint8_t { a = 'a', b = 'b' };

struct Genesis {
  Mode mode = Mode::b;
  std::uint8_t pcr = 0;
  std::uint32_t era = 0;
  Hash salt;
  Name ak_name{};
  Name counter_name{};
  Name extend_name{};
  Hash previous_log_id;
  TreeHead previous_tree{0, {}};
  std::int64_t created_ns = 0;
  std::string origin;
  Bytes tlvs;
  bool operator==(const Genesis&) const = default;
};
Bytes encode(const Genesis& genesis);
Result<Genesis> decode_genesis(ByteView bytes);
// 1-255 printable ASCII characters (0x21-0x7e), none of them '+': fit for a C2SP key name.
bool is_origin(std::string_view text);
// Whether a PCR may be P: 8-15 without 10 (IMA's). 0-7 are the firmware's; 16 and 17-23 can be reset
// while the TPM runs.
bool is_anchor_pcr(std::uint8_t pcr);
Hash log_id(ByteView genesis);
Hash first_extend(ByteView genesis);  // E_0

}  // namespace stele::attest
