// Whether bytes are well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
//
// Thread safety: pure. Trust: text may come from anyone. See: RFC 3629, section 4.
#pragma once

#include <string_view>

namespace stele::attest {

bool is_utf8(std::string_view text);

}  // namespace stele::attest
