#include "tools/stele/change_teller.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <thread>
#include <vector>

#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

bool warn(const std::string& what) {
  std::cerr << "stele: " << what << "; it will be told again\n";
  return false;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Its exit status, -1: nobody can say; nothing: it did not end in time.
std::optional<int> wait_for(pid_t child) {
  const auto deadline = std::chrono::steady_clock::now() + kCommandTime;
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) return -1;  // SIGCHLD ignored, say
    if (std::chrono::steady_clock::now() > deadline) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return std::nullopt;
    }
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace

ChangeTeller::ChangeTeller(std::string command, const std::string& webhook)
    : command_(std::move(command)) {
  if (webhook.empty()) return;
  HttpLimits limits;
  limits.timeout = kWebhookTime;
  limits.max_body_bytes = 1u << 20;
  webhook_.emplace(webhook, TlsClientFiles{}, std::move(limits));
}

void ChangeTeller::tell(const Change& now) {
  if (!command_.empty() && now.conclusion != command_knows_ && run(now)) {
    command_knows_ = now.conclusion;
  }
  if (webhook_ && now.conclusion != webhook_knows_ && post(now)) webhook_knows_ = now.conclusion;
}

bool ChangeTeller::run(const Change& now) const {
  std::vector<std::string> arguments{command_, now.conclusion, command_knows_, now.host};
  std::vector<std::string> environment{"STELE_CONCLUSION=" + now.conclusion,
                                       "STELE_PREVIOUS=" + command_knows_, "STELE_HOST=" + now.host,
                                       "STELE_LOG_ID=" + now.log_id, "STELE_PROOF=" + now.proof};
  for (char** each = environ; *each != nullptr; ++each) {
    if (std::strncmp(*each, "STELE_", 6) != 0) environment.emplace_back(*each);
  }
  // The signals that the watch waits for are blocked here, and must not be there.
  posix_spawnattr_t attributes;
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  // It has its own input, output and errors, and nothing else of ours: no connection, no file.
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, command_.c_str(), &actions, &attributes,
                                    pointers_to(arguments).data(), pointers_to(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) return warn(command_ + " cannot be run: " + std::strerror(failed));
  const auto status = wait_for(child);
  if (!status) return warn(command_ + " took more than a minute, and was ended");
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) return warn(command_ + " failed");
  return true;
}

bool ChangeTeller::post(const Change& now) const {
  const json::object body{{"schema", "stele.change/1"},
                          {"conclusion", now.conclusion},
                          {"previous", webhook_knows_},
                          {"host", now.host},
                          {"log_id", now.log_id.empty() ? json::value() : json::value(now.log_id)},
                          {"proof", now.proof.empty() ? json::value() : json::value(now.proof)}};
  try {
    const HttpAnswer answer = webhook_->ask("POST", "", json::serialize(body));
    if (answer.status >= 200 && answer.status < 300) return true;
    return warn(webhook_->name() + " answers " + std::to_string(answer.status));
  } catch (const CommandError& error) {
    return warn(error.what());
  }
}

}  // namespace stele::tools
