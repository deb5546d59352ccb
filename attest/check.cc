#include "attest/check.h"

#include <cstdio>
#include <cstdlib>

namespace stele::attest {

void ensure_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "stele: bug: %s:%d: ENSURE(%s) does not hold; please report this\n", file, line, condition);
  std::abort();
}

}  // namespace stele::attest
