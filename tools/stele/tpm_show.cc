#include "tools/stele/tpm_show.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include "attest/rfc3339.h"
#include "attest/wear.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/output.h"
#include "tools/stele/tpm.h"
#include "tools/stele/trust_file.h"
#include "tools/stele/value_words.h"
#include "tpm/credentials.h"
#include "tpm/inspect.h"

namespace stele::tools {
namespace {

using boost::json::object;
using boost::json::value;
using Presence = tpm::IndexState::Presence;

struct TpmShowArguments {
  std::string tcti, format;
};

std::string hex_number(std::uint64_t number, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, number >>= 4) {
    *at = "0123456789abcdef"[number & 15];
  }
  return text;
}

// "ok", or what is wrong with what stands at a handle.
std::string state_of(const std::optional<attest::Name>& found, const attest::Name& expected) {
  if (!found) return "missing";
  return *found == expected ? "ok" : "foreign";
}
std::string state_of(Presence presence) {
  switch (presence) {
    case Presence::written:
      return "ok";
    case Presence::unwritten:
      return "unwritten";
    case Presence::missing:
      return "missing";
    case Presence::foreign:
      return "foreign";
  }
  return "unknown";
}

object object_json(std::uint32_t handle, const std::string& state,
                   const std::optional<attest::Name>& found, const attest::Name& expected,
                   const std::optional<attest::Name>& trusted) {
  return {{"handle", "0x" + hex_number(handle, 8)},
          {"state", state},
          {"name", found ? value(attest::to_hex(*found)) : value(nullptr)},
          {"expected", attest::to_hex(expected)},
          {"trust_agrees", trusted ? value(*trusted == expected) : value(nullptr)}};
}

object tpm_json(const tpm::Inspection& found) {
  const tpm::HierarchyState& locked = found.hierarchies;
  return {{"kind", name(tpm::tpm_kind(found.kind))},
          {"manufacturer", found.kind.manufacturer},
          {"model", found.kind.model},
          {"firmware", hex_number(found.kind.firmware, 16)},
          {"hierarchies",
           {{"owner_locked", locked.owner_set},
            {"endorsement_locked", locked.endorsement_set},
            {"lockout_locked", locked.lockout_set},
            {"clear_disabled", locked.clear_disabled}}},
          {"lockout",
           {{"locked_out", found.lockout.is_locked},
            {"failed_tries", found.lockout.failed_tries},
            {"max_tries", found.lockout.max_tries},
            {"interval_s", found.lockout.interval_s},
            {"recovery_s", found.lockout.recovery_s}}},
          {"clock",
           {{"ms", found.clock.clock_ms},
            {"safe", found.clock.safe},
            {"resets", found.clock.run.reset},
            {"restarts", found.clock.run.restart},
            {"update_interval_ms", found.clock_update_ms}}}};
}

object wear_json(const Site& site, const tpm::Inspection& found, const attest::TrustFile& trust,
                 std::int64_t created_ns, std::uint64_t counter) {
  const attest::Endurance endurance =
      attest::endurance_of(tpm::tpm_kind(found.kind), found.kind.manufacturer, found.kind.model);
  const bool configured = site.config.assumed_cycles.has_value();
  const auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const auto heartbeat =
      site.config.heartbeat.value_or(std::chrono::milliseconds(endurance.heartbeat_ms));
  const attest::Wear wear =
      attest::project_wear(counter - std::min(counter, trust.first_counter),
                           configured ? *site.config.assumed_cycles : endurance.cycles, created_ns,
                           now_ns, static_cast<std::uint64_t>(heartbeat.count()));
  return {
      {"odometer", wear.writes},
      {"assumed_cycles", wear.cycles},
      {"source", configured ? "the configuration" : endurance.source},
      {"used_percent", wear.used_percent()},
      {"per_day", wear.per_day},
      {"projected_end", wear.end_ns ? value(attest::to_rfc3339(*wear.end_ns)) : value(nullptr)}};
}

// AK, C, E and P of the log in the data directory; nothing if there is none.
object log_json(tpm::Device& device, const Site& site, const tpm::Inspection& found) {
  const LogDirectory directory(site.config.data);
  const auto credentials = directory.secrets()
                               ? std::optional(tpm::parse_credentials(*directory.secrets()))
                               : std::nullopt;
  if (!credentials || !*credentials) return {};
  const tpm::Credentials& ours = **credentials;
  const auto trust = find_trust(site);
  const auto trusted = trust ? std::optional(trust->identity()) : std::nullopt;
  const bool trusts = trusted && *trusted;
  const auto pinned = [&](const attest::Name& of) {
    return trusts ? std::optional(of) : std::nullopt;
  };
  const attest::TpmIdentity& identity = ours.identity;
  const auto ak = tpm::name_at(device, ours.ak_handle);
  const tpm::IndexState indexes = tpm::read_indexes(device, ours);
  object c = object_json(ours.counter_handle, state_of(indexes.counter_presence),
                         tpm::name_at(device, ours.counter_handle), identity.counter_name,
                         pinned(trusts ? (*trusted)->counter_name : attest::Name{}));
  object e = object_json(ours.extend_handle, state_of(indexes.extend_presence),
                         tpm::name_at(device, ours.extend_handle), identity.extend_name,
                         pinned(trusts ? (*trusted)->extend_name : attest::Name{}));
  c["value"] = indexes.counter;
  e["value"] = attest::to_hex(indexes.extend);
  object log{
      {"ak", object_json(ours.ak_handle, state_of(ak, identity.ak.name()), ak, identity.ak.name(),
                         pinned(trusts ? (*trusted)->ak.name() : attest::Name{}))},
      {"c", c},
      {"e", e},
      {"p",
       {{"pcr", identity.pcr}, {"value", attest::to_hex(tpm::read_pcr(device, identity.pcr))}}}};
  const auto genesis = directory.genesis()
                           ? attest::decode_genesis(*directory.genesis())
                           : attest::Result<attest::Genesis>(attest::Fault::truncated);
  if (trust && genesis && indexes.counter_presence == Presence::written) {
    log["wear"] = wear_json(site, found, *trust, genesis->created_ns, indexes.counter);
  }
  return log;
}

void print_shown(const object& shown) {
  const auto line = [](const std::string& label, const std::string& text) {
    std::cout << label << std::string(18 - std::min<std::size_t>(label.size(), 17), ' ') << text
              << '\n';
  };
  const auto lines = [&](const object& fields) {
    for (const auto& [key, field] : fields) {
      std::string label(key);
      std::replace(label.begin(), label.end(), '_', ' ');
      line("  " + label, words(field));
    }
  };
  const object& tpm = shown.at("tpm").as_object();
  line("tpm", words(tpm.at("manufacturer")) + " " + words(tpm.at("model")) + " (" +
                  words(tpm.at("kind")) + "), firmware " + words(tpm.at("firmware")));
  for (const char* part : {"hierarchies", "lockout", "clock"}) {
    std::cout << part << '\n';
    lines(tpm.at(part).as_object());
  }
  const value& log = shown.at("log");
  if (log.is_null()) return line("log", "none in the data directory");
  for (const char* part : {"ak", "c", "e", "p", "wear"}) {
    if (!log.as_object().contains(part)) continue;
    std::cout << part << '\n';
    lines(log.at(part).as_object());
  }
}

bool is_as_expected(const object& log) {
  for (const char* part : {"ak", "c", "e"}) {
    const object& one = log.at(part).as_object();
    if (one.at("state").as_string() != "ok") return false;
    if (one.at("trust_agrees").is_bool() && !one.at("trust_agrees").as_bool()) return false;
  }
  return true;
}

int show_tpm(const Site& site, const TpmShowArguments& arguments) {
  const std::string tcti = chosen_tcti(site, arguments.tcti);
  if (serves_one_client(tcti) && daemon_uses(site, tcti)) {
    throw CommandError(kTemporary, "steled is connected to " + tcti +
                                       ", which serves one program at a time: stop it first, or "
                                       "ask it with `stele status`");
  }
  tpm::Device device(tcti);
  const tpm::Inspection found = tpm::inspect(device);
  object shown{{"schema", "stele.tpm/1"}, {"tpm", tpm_json(found)}, {"log", nullptr}};
  const object log = log_json(device, site, found);
  if (!log.empty()) shown["log"] = log;
  if (arguments.format == "json") {
    std::cout << boost::json::serialize(shown) << '\n';
  } else {
    print_shown(shown);
  }
  if (log.empty() || is_as_expected(log)) return kDone;
  std::cout.flush();
  std::cerr << "stele: this TPM does not hold what the log was provisioned with\n";
  return kUnavailable;
}

}  // namespace

void add_tpm_show(CLI::App& tpm, const Common& common, int& exit_code) {
  auto arguments = std::make_shared<TpmShowArguments>();
  CLI::App* command =
      tpm.add_subcommand("show", "Maker, locks, clock, and the log's key, indexes, PCR and wear");
  command->add_option("--tcti", arguments->tcti, "The TPM (default: [tpm] tcti)")
      ->type_name("TCTI");
  add_format(*command, arguments->format, {"text", "json"});
  command->callback(
      [&common, &exit_code, arguments] { exit_code = show_tpm(find_site(common), *arguments); });
}

}  // namespace stele::tools
