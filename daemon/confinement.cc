#include "daemon/confinement.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>

namespace stele::daemon {
namespace {

// All of the first version; and truncation by name, which the third one knows.
constexpr std::uint64_t kFirstVersion =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kTruncate = 1u << 14;
constexpr long kVersionWithTruncate = 3;

// What a process must read to look a time zone or a host's name up, and its boot's id.
constexpr const char* kSystem[] = {"/usr",
                                   "/etc/localtime",
                                   "/etc/hosts",
                                   "/etc/resolv.conf",
                                   "/etc/nsswitch.conf",
                                   "/proc/sys/kernel/random"};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

std::string why_not(const char* what) {
  return std::string(what) + ": " + std::generic_category().message(errno);
}

// What is not there need not be reached.
bool allow(int ruleset, const std::string& path, std::uint64_t access) {
  const Descriptor place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (place.number() < 0 || ::fstat(place.number(), &status) != 0) return true;
  if (!S_ISDIR(status.st_mode)) access &= ~std::uint64_t{LANDLOCK_ACCESS_FS_READ_DIR};
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = place.number();
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

// Their reports read /proc and start programs, from whatever thread it is.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

std::vector<std::string> folders_of(const std::vector<std::string>& sockets) {
  std::vector<std::string> out;
  for (const std::string& socket : sockets) {
    if (!socket.empty()) out.push_back(std::filesystem::path(socket).parent_path().string());
  }
  return out;
}

}  // namespace

std::optional<std::string> confine_thread(const MayReach& may_reach) {
  if (kSanitized) return "a sanitizer's build";
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return why_not("the kernel has no Landlock, or it is switched off");
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = kFirstVersion | (version >= kVersionWithTruncate ? kTruncate : 0);
  const Descriptor ruleset(static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled.handled_access_fs), 0)));
  if (ruleset.number() < 0) return why_not("landlock_create_ruleset");
  constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  bool allowed = true;
  for (const char* path : kSystem) allowed = allowed && allow(ruleset.number(), path, kRead);
  for (const std::string& path : may_reach.to_read)
    allowed = allowed && allow(ruleset.number(), path, kRead);
  for (const std::string& path : may_reach.to_replace) {
    constexpr std::uint64_t kReplace = kRead | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                       LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
    allowed = allowed && allow(ruleset.number(), path,
                               kReplace | (handled.handled_access_fs & kTruncate));
  }
  for (const std::string& path : may_reach.socket_folders)
    allowed = allowed && allow(ruleset.number(), path, LANDLOCK_ACCESS_FS_REMOVE_FILE);
  if (!allowed) return why_not("landlock_add_rule");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return why_not("PR_SET_NO_NEW_PRIVS");
  if (::syscall(SYS_landlock_restrict_self, ruleset.number(), 0) != 0)
    return why_not("landlock_restrict_self");
  return std::nullopt;
}

MayReach reach_of_ingest(const std::vector<std::string>& sockets) {
  return {{}, {}, folders_of(sockets)};
}

MayReach reach_of_http(const std::string& data, const std::vector<std::string>& sockets) {
  MayReach out{{}, {data + "/witnessed"}, folders_of(sockets)};
  for (const char* part : {"/segments", "/journal", "/tree", "/boot", "/trust"})
    out.to_read.push_back(data + part);
  return out;
}

}  // namespace stele::daemon
