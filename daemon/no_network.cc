#include "daemon/no_network.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <system_error>

namespace stele::daemon {
namespace {

#if defined(__x86_64__)
constexpr unsigned kOwnCalls = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kOwnCalls = AUDIT_ARCH_AARCH64;
#else
constexpr unsigned kOwnCalls = 0;  // not known: nothing is refused
#endif

constexpr unsigned kRefused = SECCOMP_RET_ERRNO | EACCES;
constexpr unsigned kOtherTable = 0x40000000;  // x32: the same calls by other numbers

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset));
}

}  // namespace

bool is_without_network(std::string_view tcti) {
  return tcti == "device" || tcti.starts_with("device:");
}

std::optional<std::string> refuse_network() {
  if (kOwnCalls == 0) return "the calls of this processor are not known here";
  sock_filter program[] = {
      load(offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kOwnCalls, 0, 6),
      load(offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kOtherTable, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 3, 0),  // makes sockets as well
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      load(offsetof(seccomp_data, args)),  // the family; its lower half, on these processors
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, kRefused),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  const bool refused = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                       ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
  if (refused) return std::nullopt;
  return "seccomp: " + std::generic_category().message(errno);
}

}  // namespace stele::daemon
