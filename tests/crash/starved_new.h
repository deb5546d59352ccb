// An operator new that fails once: at the allocation of this number.
//
// Linked in, it replaces the program's. Thread safety: any.
#pragma once

#include <atomic>

namespace stele::test {

extern std::atomic<long> allocations;  // since somebody set it to 0
extern std::atomic<long> fail_at;      // 0: never

}  // namespace stele::test
