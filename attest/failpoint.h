// FAILPOINT("room.place"): a named point where a test may kill, throw or sleep; nothing in a
// shipped build.
//
// Compiled in only with STELE_FAILPOINTS. The point calls the hook that the program installed
// (storage/failpoint.h: from the environment; tests: their own), or nothing.
// Thread safety: any thread may pass a point; the hook is installed before threads start.
#pragma once

#ifdef STELE_FAILPOINTS

namespace stele::attest {
using FailpointHook = void (*)(const char* name);
inline FailpointHook failpoint_hook = nullptr;
inline void pass_failpoint(const char* name) {
  if (failpoint_hook != nullptr) failpoint_hook(name);
}
}  // namespace stele::attest

#define FAILPOINT(name) ::stele::attest::pass_failpoint(name)

#else

#define FAILPOINT(name) static_cast<void>(0)

#endif
