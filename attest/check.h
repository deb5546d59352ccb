// ENSURE: an assertion about our own code that stays on in release and aborts.
//
// For bugs only (our own index past our own size); outside bytes are judged with Result, failing
// devices are thrown as std::system_error.
#pragma once

namespace stele::attest {
[[noreturn]] void ensure_failed(const char* condition, const char* file, int line);
}

#define ENSURE(condition) \
  (static_cast<bool>(condition) \
       ? void(0) \
       : ::stele::attest::ensure_failed(#condition, __FILE__, __LINE__))
