#include "tests/support/swtpm.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

namespace stele::test {
namespace {

sockaddr_in local(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool is_free(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = local(port);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return bound;
}

// Keeps the pair of ports from every other test, by a name that ends with its holder; -1: taken.
int reserve(std::uint16_t port) {
  const std::string name = "stele-swtpm-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) return fd;
  close(fd);
  return -1;
}

// Whether somebody listens there, seen without connecting: only then may nobody share the address,
// who like swtpm asks for that. (Reading /proc/net/tcp instead took an eighth of all processor time
// of the tests.) swtpm opens its control port first: one that answers there may still be deaf to
// commands.
bool listens(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int shared = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &shared, sizeof shared);
  const sockaddr_in address = local(port);
  const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool taken = bound != 0 && errno == EADDRINUSE;
  close(fd);
  return taken;
}

// A connected socket, or -1.
int connect_to(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = local(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

Swtpm::Swtpm() {
  std::filesystem::create_directory(state());
  choose_ports();
}

Swtpm::Swtpm(const std::filesystem::path& state_to_copy) {
  std::filesystem::copy(state_to_copy, state(), std::filesystem::copy_options::recursive);
  choose_ports();
}

Swtpm::~Swtpm() {
  if (pid_ > 0) end(SIGKILL);
  if (reservation_ >= 0) close(reservation_);
}

std::string Swtpm::tcti() const {
  return "swtpm:host=127.0.0.1,port=" + std::to_string(port_);
}

void Swtpm::choose_ports() {
  // Below the ephemeral range, so that no outgoing connection takes a port between two starts.
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> pairs(7'500, 15'998);
  for (int attempt = 0; attempt < 100; ++attempt) {
    port_ = static_cast<std::uint16_t>(2 * pairs(random));
    reservation_ = reserve(port_);
    if (reservation_ >= 0 && is_free(port_) && is_free(static_cast<std::uint16_t>(port_ + 1)) &&
        spawn("startup-clear")) {
      return;
    }
    if (reservation_ >= 0) close(reservation_);
    reservation_ = -1;
  }
  throw std::runtime_error(
      "swtpm: no free pair of ports, or it does not start: is swtpm installed?");
}

void Swtpm::start(const char* startup) {
  // The old listener's port may linger for a moment.
  for (int attempt = 0; attempt < 50; ++attempt) {
    if (spawn(startup)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  throw std::runtime_error("swtpm does not start again; see " + (scratch_ / "swtpm.log"));
}

bool Swtpm::spawn(const char* startup) {
  const std::vector<std::string> words = {
      "swtpm",
      "socket",
      "--tpm2",
      "--tpmstate",
      "dir=" + state().string(),
      "--server",
      "type=tcp,port=" + std::to_string(port_) + ",bindaddr=127.0.0.1",
      "--ctrl",
      "type=tcp,port=" + std::to_string(port_ + 1) + ",bindaddr=127.0.0.1",
      "--flags",
      std::string("not-need-init,") + startup};
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const std::string log = scratch_ / "swtpm.log";
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  for (int wait = 0; wait < 1000; ++wait) {
    if (waitpid(child, nullptr, WNOHANG) == child) return false;
    if (listens(port_) && listens(static_cast<std::uint16_t>(port_ + 1))) {
      pid_ = child;
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return false;
}

void Swtpm::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Swtpm::kill() {
  end(SIGKILL);
}
void Swtpm::stop() {
  end(SIGTERM);
}

void Swtpm::power_cycle(Power how) {
  const bool state = how == Power::restart || how == Power::resume;
  if (how != Power::unclean) {
    // TPM2_Shutdown: tag NO_SESSIONS, 12 bytes, CC 0x145, SU_CLEAR 0 or SU_STATE 1.
    const std::vector<std::uint8_t> response = transmit(
        {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x45, 0, static_cast<std::uint8_t>(state ? 1 : 0)});
    if (response != std::vector<std::uint8_t>{0x80, 0x01, 0, 0, 0, 10, 0, 0, 0, 0}) {
      throw std::runtime_error("swtpm refused TPM2_Shutdown");
    }
  }
  kill();
  start(how == Power::resume ? "startup-state" : "startup-clear");
}

std::vector<std::uint8_t> Swtpm::transmit(const std::vector<std::uint8_t>& command) const {
  const int fd = connect_to(port_);
  if (fd < 0) throw std::runtime_error("swtpm is not listening");
  const timeval limit{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::vector<std::uint8_t> response(4096);
  const bool sent =
      write(fd, command.data(), command.size()) == static_cast<ssize_t>(command.size());
  const ssize_t received = sent ? read(fd, response.data(), response.size()) : -1;
  close(fd);
  if (received <= 0) throw std::runtime_error("no answer from swtpm: is a Device still open?");
  response.resize(static_cast<std::size_t>(received));
  return response;
}

}  // namespace stele::test
