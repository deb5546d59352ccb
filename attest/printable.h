// Bytes as text that is safe to show: control characters cannot reach a terminal through it.
//
// What stays: well-formed UTF-8 without controls. What becomes \xNN, byte by byte: C0, DEL and C1
// controls, malformed UTF-8, and what reorders or breaks a line (U+2028-202E, U+2066-2069, U+200E,
// U+200F, U+FEFF). A backslash becomes \\, so the text tells the bytes without doubt.
// Thread safety: pure. Trust: bytes may come from anyone.
#pragma once

#include <string>
#include <string_view>

namespace stele::attest {

std::string printable(std::string_view bytes);
// Whether printable(bytes) is bytes, backslashes and TABs aside.
bool is_printable(std::string_view bytes);

}  // namespace stele::attest
