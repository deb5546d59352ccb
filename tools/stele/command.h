// What every subcommand of `stele` shares: its common options, its exit codes, and how it fails.
//
// A subcommand is a file pair NAME.h, NAME.cc with `void add_NAME(CLI::App&, const Common&, int&)`:
// it adds itself to the app, and its callback sets the exit code. It fails by throwing:
// CommandError with the code to end with; daemon::ConfigError, storage::Damage and
// std::system_error get theirs in main.cc. `common` is filled in before any callback runs and
// outlives the app. Thread safety: values.
#pragma once

#include <stdexcept>
#include <string>

namespace CLI {
class App;
}

namespace stele::tools {

// sysexits.h, as far as we use it; 1 and 2 as stele-verify has them: somebody lied, cannot tell.
enum Exit : int {
  kDone = 0,
  kTampered = 1,
  kUndetermined = 2,
  kUsage = 64,
  kMalformed = 65,
  kNoInput = 66,
  kUnavailable = 69,
  kSoftware = 70,
  kCannotCreate = 73,
  kIoError = 74,
  kTemporary = 75,
  kPermission = 77,
  kConfiguration = 78,
};

// --config and --data, which every command takes.
struct Common {
  std::string config_path = "/etc/stele/steled.toml";
  bool config_given = false;
  std::string data;  // empty: as the configuration says
};

// Ends the command: message on stderr, the code as exit code.
class CommandError : public std::runtime_error {
 public:
  CommandError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

}  // namespace stele::tools
