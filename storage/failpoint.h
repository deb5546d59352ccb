// What STELE_FAILPOINT asks for: the hook behind attest/failpoint.h, for real processes under test.
//
//   STELE_FAILPOINT="name=kill|throw|sleep[:n]"
//
// At the n-th pass (default: the first) of that point:
//   SIGKILL to ourselves, std::system_error(EIO), or one second of sleep; a line on stderr says so
//
// Thread safety: install before threads start; once is enough, posix() does it.
// Errors: a value that cannot be read aborts: a test that injects nothing must not pass.
#pragma once

namespace stele::storage {

// Does nothing unless compiled with STELE_FAILPOINTS and the variable is set.
void install_failpoints();

}  // namespace stele::storage
