#include "tools/stele/challenge.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "attest/printable.h"
#include "tools/stele/challenge_visit.h"
#include "tools/stele/change_teller.h"
#include "tools/stele/output.h"
#include "tools/stele/stop_signals.h"

namespace stele::tools {
namespace {

// A host that is not there is asked more and more seldom, up to this, or the interval if longer.
constexpr std::chrono::seconds kMostBackOff{3600};
// What a host may hand over at most: years of anchors; it streams, and only the disk holds it.
constexpr std::size_t kMaxEvidenceBytes = std::size_t{16} << 30;

struct ChallengeArguments {
  std::string url;
  std::string trust;
  std::string auditor_key;
  std::string policy;
  std::string memory;
  std::string save;
  std::string format;
  TlsClientFiles files;
  std::uint32_t timeout_s = 300;
  std::uint32_t watch_s = 0;
  std::string on_change;
  std::string webhook;
};

void print_visit(const Visit& visit, const std::string& format) {
  std::cout << (format == "json" ? attest::to_json(visit.report) + "\n"
                                 : attest::to_text(visit.report))
            << std::flush;
  if (visit.contradiction != Contradiction::none) {
    std::cerr << "stele: " << name(visit.contradiction)
              << ": what the host shows contradicts what the TPM signed";
    std::cerr << (visit.proof.empty() && visit.unkept.empty() ? "; keep the proof with --save DIR\n"
                                                              : "\n");
  }
  if (!visit.proof.empty()) std::cerr << "stele: kept in " << visit.proof << '\n';
  if (!visit.unkept.empty()) {
    std::cerr << "stele: no whole proof was kept: " << attest::printable(visit.unkept) << '\n';
  }
  if (visit.reset) {
    std::cerr
        << "stele: the TPM was reset before it answered, twice: nothing is known, ask again\n";
  }
}

HttpLimits limits_of(const ChallengeArguments& arguments) {
  HttpLimits limits;
  limits.timeout = std::chrono::seconds(arguments.timeout_s);
  limits.max_body_bytes = kMaxEvidenceBytes;
  return limits;
}

int ask_once(const ChallengeArguments& arguments) {
  AuditorDesk desk(arguments.trust, arguments.auditor_key, arguments.policy, arguments.memory);
  ChallengedHost host(arguments.url, arguments.files, limits_of(arguments));
  const Visit visit = Visitor(desk, host, arguments.save, arguments.memory).visit();
  print_visit(visit, arguments.format);
  if (visit.unremembered) std::rethrow_exception(visit.unremembered);
  return visit.exit_code;
}

// The auditor's own side is in order, or the call ends; what the host or the way to it does wrong
// is met by asking again.
bool is_hosts(const CommandError& error) {
  return error.code() == kUnavailable || error.code() == kTemporary || error.code() == kMalformed ||
         error.code() == kNoInput || error.code() == kPermission;
}

int watch(const ChallengeArguments& arguments) {
  const StopSignals stop;
  HttpLimits limits = limits_of(arguments);
  limits.cancelled = [&stop] { return stop.came(); };
  AuditorDesk desk(arguments.trust, arguments.auditor_key, arguments.policy, arguments.memory);
  ChallengedHost host(arguments.url, arguments.files, std::move(limits));
  Visitor visitor(desk, host, arguments.save, arguments.memory);
  ChangeTeller teller(arguments.on_change, arguments.webhook);
  const std::chrono::seconds interval(arguments.watch_s);
  std::chrono::seconds pause = interval;
  int newest = kUnavailable;
  while (!stop.came()) {
    Change change{"unreachable", arguments.url, {}, {}};
    std::exception_ptr unremembered;
    try {
      const Visit visit = visitor.visit();
      print_visit(visit, arguments.format);
      newest = visit.exit_code;
      change.conclusion = attest::name(visit.report.conclusion);
      change.log_id = attest::to_hex(visit.report.log_id);
      change.proof = visit.proof;
      unremembered = visit.unremembered;
      pause = interval;
    } catch (const CommandError& error) {
      if (stop.came()) break;
      if (!is_hosts(error)) throw;
      std::cerr << "stele: " << attest::printable(error.what()) << '\n';
      newest = error.code();
    }
    teller.tell(change);
    // A watch that forgets would ask for more and more, and see no rollback after its own end.
    if (unremembered) std::rethrow_exception(unremembered);
    if (stop.wait(pause)) break;
    if (change.conclusion == "unreachable") {
      pause = std::min(pause * 2, std::max(interval, kMostBackOff));
    }
  }
  return newest;
}

void add_options(CLI::App& command, ChallengeArguments& arguments) {
  command
      .add_option("URL", arguments.url,
                  "https://HOST[:PORT], http://HOST[:PORT], or unix:PATH of its HTTP or control "
                  "socket")
      ->required();
  command.add_option("--trust", arguments.trust, "The trust file that pins the log")
      ->type_name("FILE")
      ->required();
  command
      .add_option("--auditor-key", arguments.auditor_key,
                  "File with the verifier key that must have signed the trust file")
      ->type_name("FILE");
  command
      .add_option("--policy", arguments.policy,
                  "C2SP tlog-policy: the witnesses you believe, and how many must have seen the log")
      ->type_name("FILE");
  command
      .add_option("--memory", arguments.memory,
                  "What you remember of this log: read if it exists, written when the log is "
                  "verified; stele-verify's too. FILE.anchor keeps what the TPM signed about it")
      ->type_name("FILE");
  command
      .add_option("--save", arguments.save,
                  "Keep each visit's evidence below DIR (default: where the log was tampered with, "
                  "in MEMORY.proofs)")
      ->type_name("DIR");
  command.add_option("--cacert", arguments.files.cacert, "Who vouches for the host (PEM)")
      ->type_name("FILE");
  command.add_option("--cert", arguments.files.certificate, "Your certificate (PEM)")
      ->type_name("FILE");
  command.add_option("--key", arguments.files.key, "Its private key (PEM)")->type_name("FILE");
  command.add_option("--timeout", arguments.timeout_s, "For the whole answer, in seconds")
      ->type_name("SECONDS")
      ->check(CLI::Range(1u, 86400u))
      ->capture_default_str();
  auto* watch = command.add_option("--watch", arguments.watch_s,
                                   "Keep asking, until SIGINT; an absent host more seldom");
  watch->type_name("SECONDS")->check(CLI::Range(1u, 86400u));
  command
      .add_option("--on-change", arguments.on_change,
                  "Run COMMAND CONCLUSION PREVIOUS URL when the conclusion is another")
      ->type_name("COMMAND")
      ->needs(watch);
  command.add_option("--webhook", arguments.webhook, "POST it to URL as JSON then")
      ->type_name("URL")
      ->needs(watch);
  add_format(command, arguments.format, {"text", "json"});
}

}  // namespace

void add_challenge(CLI::App& app, const Common&, int& exit_code) {
  auto arguments = std::make_shared<ChallengeArguments>();
  CLI::App* command = app.add_subcommand(
      "challenge", "Ask a host, as its auditor: is this everything, now? Judges what it answers");
  add_options(*command, *arguments);
  command->callback([arguments, &exit_code] {
    exit_code = arguments->watch_s > 0 ? watch(*arguments) : ask_once(*arguments);
  });
}

}  // namespace stele::tools
