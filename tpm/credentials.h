// DIR/secrets as text: where our objects are, what opens them, and whose they are; `key value`
// lines.
//
//   stele-secrets 1
//   ak_handle 81005354 · counter_handle 01805354 · extend_handle 01805355          (8 hex digits)
//   ak_auth HEX · counter_auth HEX · extend_auth HEX · endorsement_auth HEX        (32 bytes each)
//   ak HEX (TPMT_PUBLIC) · counter_name HEX · extend_name HEX (34 bytes) · pcr N
//
// All lines, once, in this order, LF ends. Reading and writing the file (0600) is the caller's.
// Thread safety: pure. Errors: truncated, bad_magic, value_out_of_range with the line, ak_unfit.
// Trust: our own file, readable by the daemon only; who reads it can disturb anchors, not forge
// them.
#pragma once

#include <string>
#include <string_view>

#include "attest/result.h"
#include "tpm/anchor.h"

namespace stele::tpm {

std::string to_text(const Credentials& credentials);
attest::Result<Credentials> parse_credentials(std::string_view text);

}  // namespace stele::tpm
