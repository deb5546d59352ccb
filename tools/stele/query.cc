#include "tools/stele/query.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <limits>
#include <memory>

#include "attest/rfc3339.h"
#include "tools/stele/log_reader.h"
#include "tools/stele/number.h"
#include "tools/stele/output.h"
#include "tools/stele/record_json.h"

namespace stele::tools {
namespace {

// Asked for in pieces, so that neither side holds an unbounded answer.
constexpr std::uint64_t kPageRecords = 10'000;

struct Arguments {
  std::string since, until, format;
  std::optional<std::uint64_t> after, begin, end, source;
  std::uint64_t limit = 1000;  // 0: all
};

std::optional<std::int64_t> time_of(const std::string& option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto time = attest::from_rfc3339(text);
  if (time) return time;
  throw CommandError(kUsage, option + " takes an RFC 3339 time, as 2026-11-23T07:50:00Z");
}

storage::Query query_of(const Arguments& arguments) {
  storage::Query query;
  query.since_ns = time_of("--since", arguments.since);
  query.until_ns = time_of("--until", arguments.until);
  query.begin = arguments.begin;
  if (arguments.after) query.begin = std::max(query.begin.value_or(0), *arguments.after + 1);
  query.end = arguments.end;
  query.source = arguments.source;
  return query;
}

// Prints records one by one in the format asked for.
class Printer {
 public:
  explicit Printer(const std::string& format) : format_(format) {
    if (format_ == "json") std::cout << "{\"schema\":\"stele.records/1\",\"records\":[";
  }
  void print(const storage::StoredRecord& record) {
    if (format_ == "text") {
      std::cout << to_line(record);
    } else {
      if (format_ == "json" && printed_ > 0) std::cout << ',';
      std::cout << boost::json::serialize(to_json(record));
      if (format_ == "jsonl") std::cout << '\n';
    }
    ++printed_;
  }
  void end(std::optional<std::uint64_t> next) {
    if (format_ == "json") {
      std::cout << "],\"next\":" << (next ? std::to_string(*next) : "null") << "}\n";
    } else if (next) {
      std::cerr << "stele: there is more: go on with --begin " << *next
                << ", or --limit 0 for all\n";
    }
  }
  std::uint64_t printed() const { return printed_; }

 private:
  const std::string format_;
  std::uint64_t printed_ = 0;
};

void run(const Common& common, const Arguments& arguments) {
  storage::Query query = query_of(arguments);
  LogReader log(common);
  Printer printer(arguments.format);
  const std::uint64_t wanted =
      arguments.limit > 0 ? arguments.limit : std::numeric_limits<std::uint64_t>::max();
  std::optional<std::uint64_t> next;
  do {
    query.limit = std::min(kPageRecords, wanted - printer.printed());
    next = log.query(query, [&](const storage::StoredRecord& record) { printer.print(record); });
    query.begin = next;
  } while (next && printer.printed() < wanted && std::cout);
  printer.end(next);
}

}  // namespace

void add_query(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("query", "List records by time, source and index");
  command->add_option("--since", arguments->since, "Received at this time or later")
      ->type_name("TIME");
  command->add_option("--until", arguments->until, "Received before this time")->type_name("TIME");
  command->add_option("--after", arguments->after, "Only records after this one")
      ->type_name("INDEX")
      ->check(is_number());
  command->add_option("--begin", arguments->begin, "The first index")
      ->type_name("INDEX")
      ->check(is_number());
  command->add_option("--end", arguments->end, "One past the last index")
      ->type_name("INDEX")
      ->check(is_number());
  command->add_option("--source", arguments->source, "Of this source record")
      ->type_name("INDEX")
      ->check(is_number());
  command->add_option("--limit", arguments->limit, "At most so many; 0: all")
      ->check(is_number())
      ->capture_default_str();
  add_format(*command, arguments->format, {"text", "json", "jsonl"});
  command->callback([&common, arguments] { run(common, *arguments); });
}

}  // namespace stele::tools
