// No network for one thread: by seccomp, any new socket that is not of the host itself (AF_UNIX) is
// refused. A hurdle, no wall, as confinement.h says: sockets that are open already are shared.
//
// For the thread that has the TPM, where its TCTI is a device: what is taken over there cannot carry
// secrets out by itself. Thread safety: for the calling thread, for good, and threads and programs
// that it starts afterwards. Errors: none; where it cannot be, the reason is given. See: seccomp(2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

// Whether this TCTI reaches its TPM without network for certain. The others may need it: simulators
// are on TCP, a program ("cmd:") goes where it will, and without a name some of each are tried.
bool is_without_network(std::string_view tcti);

// Nothing: refused from here on. Otherwise why not.
std::optional<std::string> refuse_network();

}  // namespace stele::daemon
