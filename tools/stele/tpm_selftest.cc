#include "tools/stele/tpm_selftest.h"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>

#include "tools/stele/escrow_file.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/output.h"
#include "tools/stele/progress.h"
#include "tools/stele/tpm.h"
#include "tpm/credentials.h"
#include "tpm/provision.h"
#include "tpm/selftest.h"

namespace stele::tools {
namespace {

using boost::json::array;
using boost::json::object;

struct TpmSelftestArguments {
  std::string tcti, format, owner_auth, before, after;
  unsigned samples = 5;
  bool clean = false;
};

volatile std::sig_atomic_t interrupted = 0;

// Between two steps an interrupt ends the selftest like a failure: what it made is removed.
void stop_between_steps(int) {
  interrupted = 1;
}

tpm::SelftestPlan plan_for(const Site& site, const TpmSelftestArguments& arguments,
                           Progress& progress) {
  tpm::SelftestPlan plan;
  plan.samples = arguments.samples;
  if (!arguments.owner_auth.empty()) plan.owner_auth = read_secret(arguments.owner_auth);
  if (const auto secrets = LogDirectory(site.config.data).secrets()) {
    const auto credentials = tpm::parse_credentials(*secrets);
    if (credentials) plan.endorsement_auth = credentials->endorsement_auth;
  }
  plan.progress = [&progress](std::string_view step) {
    if (interrupted != 0) throw CommandError(kTemporary, "interrupted: scratch objects removed");
    progress.at(0, 0, std::string(step));
  };
  return plan;
}

object report_json(const tpm::SelftestReport& report, const tpm::Device::Kind& kind) {
  array checks, latencies;
  for (const tpm::Check& check : report.checks) {
    checks.push_back(
        object{{"check", check.name}, {"passed", check.passed}, {"detail", check.detail}});
  }
  for (const tpm::Latency& one : report.latencies) {
    latencies.push_back(object{{"command", one.command},
                               {"median_ms", one.median_ms},
                               {"least_ms", one.least_ms},
                               {"most_ms", one.most_ms},
                               {"samples", one.samples}});
  }
  return {{"schema", "stele.selftest/1"},
          {"passed", report.passed()},
          {"tpm",
           {{"kind", name(tpm::tpm_kind(kind))},
            {"manufacturer", kind.manufacturer},
            {"model", kind.model}}},
          {"checks", checks},
          {"latencies", latencies},
          {"clock_update_interval_ms", report.clock_update_ms}};
}

void print_checks(const tpm::SelftestReport& report, bool needs_power_cycle) {
  for (const tpm::Check& check : report.checks) {
    std::cout << (check.passed ? "pass  " : "FAIL  ") << check.name << ": " << check.detail << '\n';
  }
  for (const tpm::Latency& one : report.latencies) {
    char line[120];
    std::snprintf(line, sizeof line, "%-28s median %8.2f ms, %.2f to %.2f ms, %u times\n",
                  one.command.c_str(), one.median_ms, one.least_ms, one.most_ms, one.samples);
    std::cout << line;
  }
  std::cout << "clock stored every " << report.clock_update_ms << " ms\n";
  if (needs_power_cycle) {
    std::cout << "not tried: whether values survive a loss of power. For that:\n"
                 "  stele tpm selftest --before-power-cycle FILE, power off and on,\n"
                 "  stele tpm selftest --after-power-cycle FILE\n";
  }
}

void print_selftest(const TpmSelftestArguments& arguments, tpm::Device& device,
                    const tpm::SelftestReport& report, bool needs_power_cycle) {
  if (arguments.format == "json") {
    std::cout << boost::json::serialize(report_json(report, device.kind())) << '\n';
  } else {
    print_checks(report, needs_power_cycle);
  }
}

void keep(const std::string& path, const tpm::BeforePowerCycle& before) {
  write_text_file(path, boost::json::serialize(object{{"schema", "stele.selftest-before/1"},
                                                      {"counter", before.counter},
                                                      {"extend", attest::to_hex(before.extend)},
                                                      {"clock_ms", before.clock.clock_ms},
                                                      {"reset", before.clock.run.reset},
                                                      {"restart", before.clock.run.restart}}) +
                            "\n");
}

tpm::BeforePowerCycle read_kept(const std::string& path) {
  tpm::BeforePowerCycle before;
  const std::string text = read_text_file(path);
  try {
    const object kept = boost::json::parse(text).as_object();
    before.counter = kept.at("counter").to_number<std::uint64_t>();
    const auto extend = attest::hash_from_hex(std::string(kept.at("extend").as_string()));
    if (!extend) throw std::invalid_argument("extend");
    before.extend = *extend;
    before.clock.clock_ms = kept.at("clock_ms").to_number<std::uint64_t>();
    before.clock.run.reset = kept.at("reset").to_number<std::uint32_t>();
    before.clock.run.restart = kept.at("restart").to_number<std::uint32_t>();
  } catch (const std::exception&) {
    throw CommandError(kMalformed, path + " is not what --before-power-cycle wrote");
  }
  return before;
}

int run(tpm::Device& device, const TpmSelftestArguments& arguments, const tpm::SelftestPlan& plan) {
  if (arguments.clean) {
    std::cout << tpm::clean_scratch(device, plan) << " scratch indexes removed\n";
    return kDone;
  }
  if (!arguments.before.empty()) {
    keep(arguments.before, tpm::before_power_cycle(device, plan));
    std::cout << "two scratch indexes stay in the TPM: power it off and on, then run "
                 "`stele tpm selftest --after-power-cycle "
              << arguments.before << "`\n";
    return kDone;
  }
  tpm::SelftestReport report;
  if (arguments.after.empty()) {
    report = tpm::selftest(device, plan);
  } else {
    report = tpm::after_power_cycle(device, plan, read_kept(arguments.after));
  }
  print_selftest(arguments, device, report, arguments.after.empty());
  return report.passed() ? kDone : kUnavailable;
}

int selftest(const Site& site, const TpmSelftestArguments& arguments) {
  const std::string tcti = chosen_tcti(site, arguments.tcti);
  if (daemon_uses(site, tcti)) {
    throw CommandError(kTemporary, "steled anchors with " + tcti +
                                       ": the selftest would come between its commands; stop it "
                                       "first, or name another TPM with --tcti");
  }
  std::signal(SIGINT, stop_between_steps);
  std::signal(SIGTERM, stop_between_steps);
  Progress progress("selftest");
  const tpm::SelftestPlan plan = plan_for(site, arguments, progress);
  tpm::Device device(tcti);
  try {
    return run(device, arguments, plan);
  } catch (const tpm::SelftestRefused& refused) {
    throw CommandError(kPermission, refused.what());
  }
}

}  // namespace

void add_tpm_selftest(CLI::App& tpm, const Common& common, int& exit_code) {
  auto arguments = std::make_shared<TpmSelftestArguments>();
  CLI::App* command = tpm.add_subcommand(
      "selftest", "Try on scratch indexes whether this TPM keeps what anchors stand on");
  command->add_option("--tcti", arguments->tcti, "The TPM (default: [tpm] tcti)")
      ->type_name("TCTI");
  command
      ->add_option("--samples", arguments->samples,
                   "How often each command is timed; each costs four NV writes")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command
      ->add_option("--owner-auth", arguments->owner_auth,
                   "ownerAuth, 64 hex digits, where that hierarchy is locked")
      ->type_name("FILE");
  auto* before = command
                     ->add_option("--before-power-cycle", arguments->before,
                                  "Leave scratch indexes in the TPM, and their values in FILE")
                     ->type_name("FILE");
  auto* after = command
                    ->add_option("--after-power-cycle", arguments->after,
                                 "Look whether they survived, and remove them")
                    ->type_name("FILE");
  auto* clean = command->add_flag("--clean", arguments->clean,
                                  "Only remove what an interrupted selftest left in the TPM");
  before->excludes(after);
  clean->excludes(before)->excludes(after);
  add_format(*command, arguments->format, {"text", "json"});
  command->callback(
      [&common, &exit_code, arguments] { exit_code = selftest(find_site(common), *arguments); });
}

}  // namespace stele::tools
