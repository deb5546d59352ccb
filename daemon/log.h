// The daemon's own messages: lines on stderr, with the journal's priority prefix where it reads
// them.
//
// Thread safety: each line is one write. Control characters in the text are escaped.
#pragma once

#include <string_view>

namespace stele::daemon {

enum class Priority { error = 3, warning = 4, notice = 5, info = 6 };
void log(Priority priority, std::string_view text);

}  // namespace stele::daemon
