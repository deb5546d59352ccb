// What the messages of well-known programs say: sshd, sudo, su, login and whatever speaks through
// pam_unix.
//
// Thread safety: pure. Trust: anyone may send a message that looks like these.
// See: README.md, "Messages of programs".
#pragma once

#include <string_view>

#include "daemon/read_out/read_out.h"

namespace stele::daemon {

// Fills in what the message says. False: it is none of the messages known.
bool read_program_message(std::string_view program, std::string_view message, ReadOut& out);

}  // namespace stele::daemon
