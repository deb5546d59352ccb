#include "daemon/read_out/program_message.h"

#include "daemon/read_out/words.h"

namespace stele::daemon {
namespace {

void say(ReadOut& out, std::string_view action, std::string_view outcome) {
  out.set(Field::action, action);
  out.set(Field::outcome, outcome);
}

// "root from 192.0.2.7 port 22 ssh2": the name may hold spaces, the address does not, so the last
// " from " counts.
void name_and_address(std::string_view text, ReadOut& out) {
  const std::size_t from = text.rfind(" from ");
  if (from == std::string_view::npos) {
    out.set(Field::actor, trimmed(text));
    return;
  }
  out.set(Field::actor, trimmed(text.substr(0, from)));
  std::string_view rest = text.substr(from + 6);
  out.set(Field::origin, take_word(rest));
}

bool sshd(std::string_view message, ReadOut& out) {
  std::string_view rest = message;
  const bool accepted = take(rest, "Accepted ");
  if (accepted || take(rest, "Failed ")) {
    const std::size_t method = rest.find(" for ");
    if (method == std::string_view::npos) return false;
    out.set(Field::target, "sshd");
    say(out, "login", accepted ? "success" : "failure");
    rest.remove_prefix(method + 5);
    take(rest, "invalid user ");
    name_and_address(rest, out);
    return true;
  }
  if (take(rest, "Invalid user ")) {
    out.set(Field::target, "sshd");
    say(out, "login", "failure");
    name_and_address(rest, out);
    return true;
  }
  if (take(rest, "Received disconnect from ") || take(rest, "Disconnected from ") ||
      take(rest, "Connection closed by ") || take(rest, "Connection reset by ")) {
    if (take(rest, "invalid user ") || take(rest, "authenticating user ") || take(rest, "user ")) {
      out.set(Field::actor, take_word(rest));
    }
    std::string_view address = take_word(rest);
    if (address.ends_with(':')) address.remove_suffix(1);
    out.set(Field::origin, address);
    out.set(Field::action, "disconnect");
    return true;
  }
  return false;
}

// "alice : TTY=pts/0 ; PWD=/home ; USER=root ; COMMAND=/bin/ls"; a refusal has its reason in front.
bool sudo(std::string_view message, ReadOut& out) {
  const auto command = between(message, "COMMAND=", "\n");
  const std::size_t colon = message.find(" : ");
  if (!command || colon == std::string_view::npos) return false;
  const std::string_view rest = message.substr(colon + 3);
  out.set(Field::actor, trimmed(message.substr(0, colon)));
  out.set(Field::target, trimmed(*command));
  say(out, "sudo", rest.starts_with("TTY=") || rest.starts_with("PWD=") ? "success" : "denied");
  return true;
}

// "(to root) alice on pts/0"; "FAILED SU (to root) alice on pts/0"; "'su root' failed for alice on
// /dev/pts/8".
bool su(std::string_view message, ReadOut& out) {
  std::string_view rest = message;
  if (take(rest, "'su ")) {
    out.set(Field::target, take_until(rest, '\''));
    const bool failed = take(rest, " failed for ");
    if (!failed && !take(rest, " succeeded for ")) return false;
    out.set(Field::actor, take_word(rest));
    say(out, "su", failed ? "failure" : "success");
    return true;
  }
  const bool failed = take(rest, "FAILED SU ");
  if (!take(rest, "(to ")) return false;
  out.set(Field::target, take_until(rest, ')'));
  take(rest, " ");
  out.set(Field::actor, take_word(rest));
  say(out, "su", failed ? "failure" : "success");
  return true;
}

// "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)" and
// "pam_unix(sshd:auth): authentication failure; logname= uid=0 … rhost=192.0.2.7  user=root".
bool pam_unix(std::string_view message, ReadOut& out) {
  std::string_view rest = message;
  if (!take(rest, "pam_unix(")) return false;
  const std::string_view service = take_until(rest, ':');
  take_until(rest, ' ');
  const bool opened = take(rest, "session opened for user ");
  if (opened || take(rest, "session closed for user ")) {
    out.set(Field::actor, rest.substr(0, rest.find_first_of("( ")));
    say(out, opened ? "session-opened" : "session-closed", "success");
  } else if (take(rest, "authentication failure;")) {
    if (const auto host = between(rest, " rhost=", " ")) out.set(Field::origin, *host);
    if (const auto user = between(rest, " user=", " ")) out.set(Field::actor, *user);
    say(out, "login", "failure");
  } else {
    return false;
  }
  out.set(Field::target, service);
  return true;
}

}  // namespace

bool read_program_message(std::string_view program, std::string_view message, ReadOut& out) {
  if (message.starts_with("pam_unix(")) return pam_unix(message, out);
  if (program.starts_with("sshd")) return sshd(message, out);  // and sshd-session
  if (program == "sudo") return sudo(message, out);
  if (program == "su") return su(message, out);
  return false;
}

}  // namespace stele::daemon
