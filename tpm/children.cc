#include "tpm/children.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>

namespace stele::tpm {
namespace {

constexpr unsigned kFirstToEnd = 3;  // behind standard input, output and error

thread_local bool inherit_nothing = false;

// In the child, before anything else there: only what a signal handler may do. The child's table of
// descriptors is its own by now, so that no thread of ours adds to it. Descriptors that it has use
// for itself until exec() stay open until then.
void in_child() {
  if (!inherit_nothing) return;
  if (::close_range(kFirstToEnd, ~0u, CLOSE_RANGE_CLOEXEC) == 0) return;
  rlimit limit{};  // before Linux 5.11
  const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  const rlim_t end = known ? limit.rlim_cur : rlim_t{1} << 20;
  for (rlim_t number = kFirstToEnd; number < end; ++number) {
    ::fcntl(static_cast<int>(number), F_SETFD, FD_CLOEXEC);
  }
}

}  // namespace

ChildrenInheritNothing::ChildrenInheritNothing() {
  static const int failed = ::pthread_atfork(nullptr, nullptr, in_child);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), "pthread_atfork");
  inherit_nothing = true;
}

ChildrenInheritNothing::~ChildrenInheritNothing() {
  inherit_nothing = false;
}

}  // namespace stele::tpm
