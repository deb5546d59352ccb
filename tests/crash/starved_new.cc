#include "tests/crash/starved_new.h"

#include <cstdlib>
#include <new>

namespace stele::test {

std::atomic<long> allocations{0};
std::atomic<long> fail_at{0};

}  // namespace stele::test

void* operator new(std::size_t size) {
  const long now = stele::test::allocations.fetch_add(1, std::memory_order_relaxed) + 1;
  if (now == stele::test::fail_at.load(std::memory_order_relaxed)) throw std::bad_alloc();
  if (void* out = std::malloc(size == 0 ? 1 : size)) return out;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
