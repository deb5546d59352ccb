#include "tests/bench/marks.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace stele::bench {
namespace {

constexpr std::string_view kUnixStream = "append_through_socket";
constexpr std::string_view kVerify = "verify/jobs:2";

constexpr Mark of_rate(std::string_view aim, std::string_view ours, std::string_view ceiling, double least) {
  return {aim, {ours, "rate"}, {ceiling, "rate"}, Bound::at_least, least};
}
constexpr Mark in_ms(std::string_view aim, std::string_view page, double most) {
  return {aim, {page, "ms"}, {}, Bound::at_most, most};
}

constexpr std::array kMarks{
    of_rate("ingest over the Unix stream, of FULL", kUnixStream, "ceiling/full", 0.70),
    of_rate("ingest with the look-up running, of that without", "append_with_look_up", kUnixStream, 0.80),
    of_rate("ingest over TCP, lines, of the Unix stream", "append_through_tcp/lines", kUnixStream, 0.50),
    of_rate("ingest over TCP, counted, of the Unix stream", "append_through_tcp/counted", kUnixStream, 0.50),
    of_rate("verification on two cores, of VERIFY on two threads", kVerify, "ceiling/verify/jobs:2", 0.75),
    of_rate("verification on two cores, of openssl dgst -sha256 over the same events", kVerify,
            "ceiling/openssl_dgst", 0.80),
    of_rate("acknowledged, 1 client, 1 event outstanding", "acknowledged/1/1", "ceiling/acknowledged/1/1", 0.80),
    of_rate("acknowledged, 64 clients, 1 event outstanding", "acknowledged/64/1", "ceiling/acknowledged/64/1", 0.80),
    of_rate("acknowledged, 8 clients, 64 events outstanding", "acknowledged/8/64", "ceiling/acknowledged/8/64", 0.80),
    of_rate("acknowledged, 8 clients, 1,000 events outstanding", "acknowledged/8/1000", "ceiling/acknowledged/8/1000",
            0.80),
    Mark{"p99 of acknowledgements at 10,000 events a second, us", {"acknowledged/paced/8/0", "p99_us"}, {},
         Bound::at_most, 15'000},
    Mark{"bytes of a fresh event beyond its payload, look-up included", {"look_up_feed", "beyond_payload"}, {},
         Bound::at_most, 130},
    Mark{"bytes of real logs of 300 bytes and more a line, sealed and packed, of their payload",
         {"pack_real", "packed_bytes_an_event"}, {"pack_real", "payload_bytes_an_event"}, Bound::at_most, 0.50},
    in_ms("first page of an actor on 1 M events, 50 records, ms", "page_of_actor/1000000/50", 10),
    in_ms("first page of an actor on 1 M events, 1,000 records, ms", "page_of_actor/1000000/1000", 10),
    in_ms("first page of an actor on 10 M events, 50 records, ms", "page_of_actor/10000000/50", 50),
    in_ms("first page of an actor on 10 M events, 1,000 records, ms", "page_of_actor/10000000/1000", 50),
    in_ms("first page of an action on 1 M events, 50 records, ms", "page_of_action/1000000/50", 10),
    in_ms("first page of an action on 1 M events, 1,000 records, ms", "page_of_action/1000000/1000", 10),
    in_ms("first page of an action on 10 M events, 50 records, ms", "page_of_action/10000000/50", 50),
    in_ms("first page of an action on 10 M events, 1,000 records, ms", "page_of_action/10000000/1000", 50),
    Mark{"text scan, MB a second on one core", {"grep", "megabytes"}, {}, Bound::at_least, 1'500},
};

std::optional<double> measured(const Figure& figure, const Figures& figures) {
  const auto found = figures.find(std::pair<std::string, std::string>(figure.benchmark, figure.what));
  if (found == figures.end() || found->second.empty()) return std::nullopt;
  return median(found->second);
}

std::string shown(double value) {
  char text[64];
  std::snprintf(text, sizeof text, value < 10 ? "%.3f" : value < 1000 ? "%.1f" : "%.0f", value);
  return text;
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Judged judge(const Mark& mark, const Figures& figures) {
  const std::optional<double> ours = measured(mark.ours, figures);
  const bool alone = mark.beside.benchmark.empty();
  const std::optional<double> beside = alone ? std::optional(1.0) : measured(mark.beside, figures);
  if (!ours || !beside || !(*beside > 0)) return {};
  const double figure = *ours / *beside;
  const bool reached = mark.bound == Bound::at_least ? figure >= mark.value : figure <= mark.value;
  return {reached ? Outcome::reached : Outcome::missed, figure, *ours, alone ? 0 : *beside};
}

std::string line(const Mark& mark, const Judged& judged) {
  const std::string bound = (mark.bound == Bound::at_least ? " (at least " : " (at most ") + shown(mark.value) +
                            ")  " + std::string(mark.aim);
  if (judged.outcome == Outcome::not_run) return "not run" + bound;
  std::string out = judged.outcome == Outcome::reached ? "reached " : "MISSED  ";
  out += shown(judged.figure) + bound;
  if (judged.beside > 0) out += ": " + shown(judged.ours) + " of " + shown(judged.beside);
  return out;
}

std::span<const Mark> marks() { return kMarks; }

}  // namespace stele::bench
