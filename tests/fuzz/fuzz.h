// A fuzz target: a function that takes any bytes, and lives as a libFuzzer program and as a replay test.
//
//   FUZZ_TARGET(genesis) {            // input: a ByteView; what does not hold is an ENSURE
//     const auto genesis = decode_genesis(input);
//     if (!genesis) return false;
//     ENSURE(same(encode(*genesis), input));
//     return true;                    // accepted
//   }
//
// One target a file, tests/fuzz/NAME_fuzz.cc, with seeds in tests/fuzz/corpus/NAME, at least one of
// which must be accepted. See: tests/README.md, "Fuzz".
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "attest/check.h"
#include "attest/hash.h"

namespace stele::test {

using FuzzTarget = bool (*)(attest::ByteView input);

inline bool same(attest::ByteView a, attest::ByteView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// The targets of the replay program, by name.
inline std::map<std::string, FuzzTarget>& fuzz_targets() {
  static std::map<std::string, FuzzTarget> targets;
  return targets;
}

}  // namespace stele::test

#ifdef STELE_FUZZ_PROGRAM
#define FUZZ_TARGET(name)                                                           \
  static bool fuzz_##name(::stele::attest::ByteView input);                         \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_##name({data, size});                                                      \
    return 0;                                                                       \
  }                                                                                 \
  static bool fuzz_##name([[maybe_unused]] ::stele::attest::ByteView input)
#else
#define FUZZ_TARGET(name)                                                    \
  static bool fuzz_##name(::stele::attest::ByteView input);                  \
  [[maybe_unused]] static const bool fuzz_##name##_registered =              \
      ::stele::test::fuzz_targets().emplace(#name, fuzz_##name).second;      \
  static bool fuzz_##name([[maybe_unused]] ::stele::attest::ByteView input)
#endif
