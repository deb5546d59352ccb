// gzip as a Content-Encoding of replies.
//
// Thread safety: pure. Trust: the header comes from whoever may connect.
#pragma once

#include <string>
#include <string_view>

namespace stele::daemon {

// Whether an Accept-Encoding names gzip, or "*", without q=0.
bool accepts_gzip(std::string_view accept_encoding);
std::string gzip(std::string_view bytes);  // one member; the same bytes give the same

}  // namespace stele::daemon
