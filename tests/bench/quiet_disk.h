// What earlier rounds left to be written is written before the next one is timed: rounds come
// mixed, and some leave gigabytes.
#pragma once

#include <unistd.h>

namespace stele::bench {

inline void quiet_disk() {
  ::sync();
}

}  // namespace stele::bench
