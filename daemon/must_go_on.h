// A completion for coroutines that must not end by an exception unseen: it ends the loop instead.
//
// With asio::detached an exception (out of memory, say) ends the coroutine in silence: a listener
// that accepts nobody any more. Rethrown, it leaves io_context::run(), and the daemon ends with 70.
// Thread safety: none needed.
#pragma once

#include <exception>

namespace stele::daemon {

inline void must_go_on(const std::exception_ptr& failed) {
  if (failed) std::rethrow_exception(failed);
}

}  // namespace stele::daemon
