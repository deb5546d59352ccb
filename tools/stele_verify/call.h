// Call: what stele-verify was asked, and the errors of asking.
//
// Thread safety: a value. Errors: CallError: the call cannot be carried out; its message says what,
// where, and what to do, and its code is the exit code.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace CLI {
class App;
}

namespace stele::tools {

enum Exit : int {
  kUsage = 64,
  kMalformed = 65,
  kNoInput = 66,
  kSoftware = 70,
  kIoError = 74,
  kPermission = 77
};

struct CallError : std::runtime_error {
  CallError(int code_, const std::string& message) : std::runtime_error(message), code(code_) {}
  int code;
};

struct Call {
  std::string path;
  std::string trust_path;
  std::string auditor_key;
  std::string nonce;
  std::string answer_path;
  std::string memory_path;
  std::string policy_path;
  std::string cosignatures_path;
  std::string receipts_path;
  std::string log_key_path;
  std::string leaf_hash;
  std::vector<std::string> require;
  std::string output = "text";
  unsigned jobs = std::clamp(std::thread::hardware_concurrency(), 1u, 64u);
};

// The options of the command line, into `call`, which outlives the app.
void describe(CLI::App& app, Call& call);

}  // namespace stele::tools
