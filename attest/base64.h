// Base64 as in RFC 4648, section 4: padded, canonical, no white space.
//
// Thread safety: pure. Errors: from_base64 returns nothing unless the text is exactly what
// to_base64 makes of some bytes. Trust: text may come from anyone.
#pragma once

#include <optional>
#include <string>

#include "attest/hash.h"

namespace stele::attest {

std::string to_base64(ByteView bytes);
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace stele::attest
