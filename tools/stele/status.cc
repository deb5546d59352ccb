#include "tools/stele/status.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "attest/genesis.h"
#include "attest/printable.h"
#include "attest/rfc3339.h"
#include "attest/wear.h"
#include "tools/stele/anchors.h"
#include "tools/stele/output.h"
#include "tools/stele/site.h"
#include "tools/stele/trust_file.h"
#include "tools/stele/value_words.h"

namespace stele::tools {
namespace {

using boost::json::object;
using boost::json::value;

struct StatusArguments {
  std::string format;
  bool check = false;
};

// As the daemon's own (daemon/README.md): by the chip that the directory's trust file names, unless
// the configuration says otherwise.
object wear_of(const Site& site, std::int64_t created_ns, std::uint64_t writes) {
  const auto trust = find_trust(site);
  const attest::Endurance endurance =
      trust ? attest::endurance_of(trust->tpm_kind, trust->tpm_manufacturer, trust->tpm_model)
            : attest::endurance_of(attest::TpmKind::unknown, "", "");
  const std::uint64_t cycles =
      site.config.assumed_cycles ? *site.config.assumed_cycles : endurance.cycles;
  const std::int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count();
  const auto heartbeat =
      site.config.heartbeat.value_or(std::chrono::milliseconds(endurance.heartbeat_ms));
  const attest::Wear wear = attest::project_wear(writes, cycles, created_ns, now_ns,
                                                 static_cast<std::uint64_t>(heartbeat.count()));
  return {
      {"counter_writes", wear.writes},
      {"assumed_cycles", wear.cycles},
      {"used_percent", wear.used_percent()},
      {"passed_percent", attest::wear_passed(wear.writes, wear.cycles)},
      {"per_day", wear.per_day},
      {"projected_end", wear.end_ns ? value(attest::to_rfc3339(*wear.end_ns)) : value(nullptr)}};
}

// What the files say when no daemon is there to ask.
object read_status(const Site& site) {
  const storage::Store store = open_store(site);
  const attest::TreeHead head = store.head();
  const attest::Genesis genesis = newest_genesis(site.config.data);
  std::uint64_t counter_anchors = 0, quote_seq = 0, sealed = 0, anchored = 0;
  const auto trust = find_trust(site);
  std::uint64_t counter = trust ? trust->first_counter : 0;  // until an anchor moved it
  value newest = nullptr;
  visit_anchors(site.config.data, [&](const StoredAnchor& anchor) {
    const attest::Statement& statement = anchor.statement;
    anchored = std::max(anchored, statement.tree.size);
    counter_anchors = statement.seq;
    quote_seq = statement.quote_seq;
    counter = statement.counter;
    if (!statement.is_quote()) sealed = std::max(sealed, statement.tree.size);
    newest = attest::to_rfc3339(statement.wallclock_ns);
    return true;
  });
  return {{"schema", "stele.status/1"},
          {"daemon", nullptr},
          {"log",
           {{"origin", genesis.origin},
            {"id", attest::to_hex(store.log_id())},
            {"size", head.size},
            {"root", attest::to_hex(head.root)}}},
          {"anchoring",
           {{"state", "unavailable"},
            {"reason", "no daemon runs"},
            {"mode", std::string(1, static_cast<char>(genesis.mode))},
            {"counter_anchors", counter_anchors},
            {"quote_seq", quote_seq},
            {"counter_anchored", sealed},
            {"anchored", anchored},
            {"unanchored", head.size - std::min(head.size, anchored)},
            {"newest", newest},
            {"counter", counter},
            {"odometer", counter_anchors}}},
          {"wear", wear_of(site, genesis.created_ns, counter_anchors)}};
}

object ask_status(const Site& site) {
  if (auto daemon = find_daemon(site))
    return daemon->ask({{"do", "status"}}).at("status").as_object();
  return read_status(site);
}

std::string wear_words(const object& wear) {
  const std::string writes = words(wear.at("counter_writes")) + " counter writes";
  if (wear.at("assumed_cycles").to_number<std::uint64_t>() == 0) {
    return writes + ", nothing wears";
  }
  const bool passed = wear.at("passed_percent").to_number<unsigned>() > 0;
  const value& end = wear.at("projected_end");
  return writes + ", " + words(wear.at("used_percent")) + " % of the " +
         words(wear.at("assumed_cycles")) + " assumed" + (passed ? ": plan for another TPM" : "") +
         ", projected end " + (end.is_null() ? "beyond a hundred years" : words(end));
}

// How many records no anchor covers and, where a daemon says so, for how long the oldest has
// waited.
std::string lag_words(const object& anchoring) {
  std::string text = words(anchoring.at("unanchored")) + " records";
  const value* const since = anchoring.if_contains("unanchored_since");
  if (since != nullptr && since->is_string()) {
    text += ", the oldest for " + words(anchoring.at("lag_s")) + " s, since " + words(*since);
  }
  return text;
}

// One place that the log goes out to: a witness, or where receipts are pushed.
std::string outward_words(const object& place) {
  const bool is_witness = place.at("kind").as_string() == "witness";
  const std::string reason = words(place.at("reason"));
  const auto number = [&place](const char* key) {
    return place.at(key).to_number<std::int64_t>();
  };
  std::string text = words(place.at("place")) + ": " + words(place.at("state"));
  if (!reason.empty()) text += " (" + reason + ")";
  text += is_witness ? ", has seen the first " + words(place.at("through")) + " records"
                     : ", has the receipts up to anchor " + words(place.at("through"));
  if (number("lag") > 0) {
    text += "; lacks " + words(place.at("lag")) + ", the oldest for " + words(place.at("lag_s")) + " s";
  }
  constexpr std::int64_t kClockWorthTellingS = 5;  // as a trust file's slack by default
  if (is_witness && std::abs(number("clock_off_s")) > kClockWorthTellingS) {
    text += "; its clock is off by " + words(place.at("clock_off_s")) + " s";
  }
  return text;
}

// What the daemon alone knows: what waits, what was dropped, what is short.
void print_intake(const object& status) {
  const auto line = [](const char* label, const std::string& text) {
    std::cout << label << text << '\n';
  };
  const object& ingest = status.at("ingest").as_object();
  line("events           ", words(ingest.at("events")) + " taken, " + words(ingest.at("refused")) +
                                " refused, from " + words(ingest.at("connections")) +
                                " connections now");
  const object& queue = status.at("queue").as_object();
  line("queue            ", words(queue.at("records")) + " records, " + words(queue.at("bytes")) +
                                " bytes" +
                                (queue.at("suspended").as_bool() ? "; senders wait" : ""));
  if (queue.at("dropped").to_number<std::uint64_t>() > 0) {
    std::string reasons;
    for (const auto& [reason, events] : queue.at("dropped_because").as_object()) {
      reasons += (reasons.empty() ? "" : ", ") + std::string(reason) + " " + words(events);
    }
    line("dropped          ", words(queue.at("dropped")) + " events since the start: " + reasons);
  }
  const bool full = queue.at("disk_full").as_bool();
  line("disk             ", words(status.at("log").as_object().at("disk_free_bytes")) +
                                " bytes free" +
                                (full ? ": full" : queue.at("disk_low").as_bool() ? ": low" : ""));
  const object& look_up = status.at("look_up").as_object();
  if (look_up.at("in_use").as_bool())
    line("look-up          ", words(look_up.at("behind")) + " records behind");
  for (const value& each : status.at("readiness").as_object().at("reasons").as_array()) {
    line("not ready        ", words(each.as_object().at("detail")));
  }
}

void print_status(const object& status) {
  const object& log = status.at("log").as_object();
  const object& anchoring = status.at("anchoring").as_object();
  const auto line = [](const char* label, const std::string& text) {
    std::cout << label << text << '\n';
  };
  const value& daemon = status.at("daemon");
  line("daemon           ", daemon.is_null()
                                ? "not running"
                                : "pid " + words(daemon.as_object().at("pid")) + ", since " +
                                      words(daemon.as_object().at("started")));
  line("log              ", words(log.at("origin")) + ", " + words(log.at("id")));
  line("records          ", words(log.at("size")));
  line("root             ", words(log.at("root")));
  const std::string reason = words(anchoring.at("reason"));
  line("anchoring        ", words(anchoring.at("state")) + (reason.empty() ? "" : ": " + reason));
  line("mode             ", words(anchoring.at("mode")));
  line("counter anchors  ",
       words(anchoring.at("counter_anchors")) + ", counter at " + words(anchoring.at("counter")));
  line("sealed           ", words(anchoring.at("counter_anchored")) +
                                " records by counter anchors, " + words(anchoring.at("anchored")) +
                                " with quote anchors");
  line("not anchored     ", lag_words(anchoring));
  // A round takes a fraction of a second: what takes longer is a TPM that is slow, or silent.
  const value* const busy = anchoring.if_contains("tpm_busy_s");
  if (busy != nullptr && busy->to_number<double>() >= 1)
    line("TPM              ", "at work on one round for " + words(*busy) + " s");
  // Where nothing can be anchored it waits for more than a token: see above.
  const bool is_anchoring = anchoring.at("state").as_string() == "anchoring";
  if (is_anchoring && anchoring.at("critical_waiting").as_bool())
    line("critical event   ", "waits for its counter anchor until [anchor] refill allows one");
  line("newest anchor    ", words(anchoring.at("newest")));
  line("wear             ", wear_words(status.at("wear").as_object()));
  if (!daemon.is_null()) print_intake(status);
  // Where no daemon runs nobody knows what became of them.
  if (!status.contains("outward")) return;
  for (const value& each : status.at("outward").as_array()) {
    const object& place = each.as_object();
    const bool is_witness = place.at("kind").as_string() == "witness";
    line(is_witness ? "witness          " : "push             ", outward_words(place));
  }
}

// Monitoring plugin: state, one line, figures.
int check(const object& status) {
  const object& anchoring = status.at("anchoring").as_object();
  const std::string state = words(anchoring.at("state"));
  const object& wear = status.at("wear").as_object();
  int code = 0;
  std::string text = state;
  // A worn chip goes on for months: never critical, so that it hides nothing that is.
  if (wear.at("passed_percent").to_number<unsigned>() > 0) {
    code = 1, text = "anchoring, but the TPM wears out: " + wear_words(wear);
  }
  // What /readyz says; the worst of it in words.
  if (status.contains("readiness")) {
    int worst = 0;
    for (const value& each : status.at("readiness").as_object().at("reasons").as_array()) {
      const int badness = each.as_object().at("critical").as_bool() ? 2 : 1;
      if (badness > worst) worst = code = badness, text = words(each.as_object().at("detail"));
    }
  }
  if (status.at("daemon").is_null()) code = 2, text = "the daemon is not running";
  static constexpr const char* kStates[] = {"OK", "WARNING", "CRITICAL"};
  std::cout << "STELE " << kStates[code] << " - " << text
            << " | records=" << words(status.at("log").as_object().at("size"))
            << " unanchored=" << words(anchoring.at("unanchored"))
            << " counter_anchors=" << words(anchoring.at("counter_anchors"))
            << " wear=" << words(wear.at("used_percent")) << "%;50;80\n";
  return code;
}

int check_whatever_happens(const Common& common) {
  try {
    return check(ask_status(find_site(common)));
  } catch (const std::exception& error) {
    std::cout << "STELE UNKNOWN - " << attest::printable(error.what()) << '\n';
    return 3;
  }
}

}  // namespace

void add_status(CLI::App& app, const Common& common, int& exit_code) {
  auto arguments = std::make_shared<StatusArguments>();
  CLI::App* command = app.add_subcommand("status", "Show size, anchors, lag and TPM state");
  add_format(*command, arguments->format, {"text", "json"});
  command->add_flag("--check", arguments->check,
                    "As a monitoring plugin: one line, exit code 0 to 3");
  command->callback([&common, &exit_code, arguments] {
    if (arguments->check) {
      exit_code = check_whatever_happens(common);
      return;
    }
    const object status = ask_status(find_site(common));
    if (arguments->format == "json") {
      std::cout << boost::json::serialize(status) << '\n';
    } else {
      print_status(status);
    }
  });
}

}  // namespace stele::tools
