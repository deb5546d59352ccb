// A software TPM of the test's own: a private swtpm process with its state in a scratch folder.
//
// It listens on 127.0.0.1, on two neighbouring free ports that stay the same over restarts, and
// dies with the thread that made it (PR_SET_PDEATHSIG): make it on the test's main thread. The
// server takes one client at a time: close every Device before a power cycle that is not unclean.
// Thread safety: none. Blocks: until swtpm listens (at most 10 s). Errors: std::runtime_error.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/scratch.h"

namespace stele::test {

class Swtpm {
 public:
  // A fresh TPM, manufactured and started; or one that starts from a copy of a state folder.
  Swtpm();
  explicit Swtpm(const std::filesystem::path& state_to_copy);
  ~Swtpm();
  Swtpm(const Swtpm&) = delete;
  Swtpm& operator=(const Swtpm&) = delete;

  std::string tcti() const;  // "swtpm:host=127.0.0.1,port=P"
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }  // -1: not running
  // Holds the TPM's state; may be copied away or put back while it is not running.
  std::filesystem::path state() const { return scratch_.path() / "state"; }

  enum class Power {
    unclean,  // SIGKILL, TPM2_Startup(CLEAR): a reset after a power cut
    clean,    // TPM2_Shutdown(CLEAR), then a reset
    restart,  // TPM2_Shutdown(STATE), TPM2_Startup(CLEAR): resetCount stays, PCRs are cleared
    resume,   // TPM2_Shutdown(STATE), TPM2_Startup(STATE): PCRs stay
  };
  void power_cycle(Power how = Power::unclean);
  void kill();  // SIGKILL, and waits for the end
  void stop();  // SIGTERM (no TPM2_Shutdown: unclean for the TPM), and waits for the end
  void start(const char* startup = "startup-clear");  // after kill() or stop()

  // Sends one raw command and returns the response (for what needs no authorisation).
  std::vector<std::uint8_t> transmit(const std::vector<std::uint8_t>& command) const;

 private:
  void choose_ports();
  bool spawn(const char* startup);
  void end(int signal);

  Scratch scratch_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  int reservation_ = -1;  // of the ports, against other tests
};

}  // namespace stele::test
