#include "tools/stele/query.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <limits>
#include <memory>

#include "attest/rfc3339.h"
#include "attest/utf8.h"
#include "tools/stele/log_reader.h"
#include "tools/stele/number.h"
#include "tools/stele/output.h"
#include "tools/stele/read_out_json.h"
#include "tools/stele/record_json.h"

namespace stele::tools {
namespace {

// Asked for in pieces, so that neither side holds an unbounded answer.
constexpr std::uint64_t kPageRecords = 10'000;

struct QueryArguments {
  std::string since, until, format;
  std::optional<std::uint64_t> after, begin, end, source;
  std::optional<std::uint64_t> limit;  // 0: all
  std::array<std::optional<std::string>, daemon::kFieldCount> fields;
  std::string grep;
  bool follow = false;
};

constexpr std::uint64_t kDefaultLimit = 1000;

std::optional<std::int64_t> time_of(const std::string& option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto time = attest::from_rfc3339(text);
  if (time) return time;
  throw CommandError(kUsage, option + " takes an RFC 3339 time, as 2026-11-23T07:50:00Z");
}

void require_utf8(const std::string& option, const std::string& text) {
  if (!attest::is_utf8(text)) throw CommandError(kUsage, option + " takes UTF-8 text");
}

storage::Query query_of(const QueryArguments& arguments) {
  storage::Query query;
  query.since_ns = time_of("--since", arguments.since);
  query.until_ns = time_of("--until", arguments.until);
  query.begin = arguments.begin;
  if (arguments.after) query.begin = std::max(query.begin.value_or(0), *arguments.after + 1);
  query.end = arguments.end;
  query.source = arguments.source;
  query.terms = arguments.fields;
  query.grep = arguments.grep;
  for (std::size_t i = 0; i < daemon::kFieldCount; ++i) {
    if (query.terms[i]) require_utf8("--" + std::string(daemon::kFieldNames[i]), *query.terms[i]);
  }
  require_utf8("--grep", query.grep);
  return query;
}

// Prints records one by one in the format asked for.
class Printer {
 public:
  Printer(const std::string& format, const std::vector<daemon::JsonMapping>& mappings)
      : format_(format), reader_(mappings) {
    if (format_ == "json") std::cout << "{\"schema\":\"stele.records/1\",\"records\":[";
  }
  void print(const storage::StoredRecord& record) {
    if (format_ == "text") {
      std::cout << to_line(record);
    } else {
      if (format_ == "json" && printed_ > 0) std::cout << ',';
      boost::json::object json = to_json(record);
      json["read_out"] = read_out_json(reader_, record);
      std::cout << boost::json::serialize(json);
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
  daemon::EventReader reader_;
  std::uint64_t printed_ = 0;
};

std::atomic<LogReader*> following{nullptr};

extern "C" void end_following(int) {
  if (LogReader* const log = following) log->stop_following();
}

// Until SIGINT or SIGTERM, or as many as wanted; both are an end in order.
void follow(LogReader& log, const storage::Query& query, Printer& printer, std::uint64_t wanted) {
  struct sigaction action = {};
  action.sa_handler = end_following;
  following = &log;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  log.follow(query, [&](const storage::StoredRecord& record) {
    printer.print(record);
    std::cout.flush();
    if (printer.printed() == wanted || !std::cout) log.stop_following();
  });
  following = nullptr;
}

void run(const Common& common, const QueryArguments& arguments) {
  storage::Query query = query_of(arguments);
  LogReader log(common);
  Printer printer(arguments.format, log.site().config.json_mappings);
  const std::uint64_t limit = arguments.limit.value_or(arguments.follow ? 0 : kDefaultLimit);
  const std::uint64_t wanted = limit > 0 ? limit : std::numeric_limits<std::uint64_t>::max();
  if (arguments.follow) {
    follow(log, query, printer, wanted);
    return printer.end(std::nullopt);
  }
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
  auto arguments = std::make_shared<QueryArguments>();
  CLI::App* command = app.add_subcommand("query", "List records by time, source and what they say");
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
      ->default_str(std::to_string(kDefaultLimit));
  static constexpr const char* kFields[] = {"Who did it", "What was done",
                                            "To what",    "How it ended: success, failure, denied",
                                            "From where", "emerg to debug"};
  for (std::size_t i = 0; i < daemon::kFieldCount; ++i) {
    command
        ->add_option("--" + std::string(daemon::kFieldNames[i]), arguments->fields[i],
                     std::string(kFields[i]) + ", as read out; the whole value, in any case")
        ->type_name("TEXT");
  }
  command->add_option("--grep", arguments->grep, "Whose content holds this text, byte for byte")
      ->type_name("TEXT");
  command->add_flag("--follow", arguments->follow, "Go on with what comes, until Ctrl-C");
  add_format(*command, arguments->format, {"text", "json", "jsonl"});
  command->callback([&common, arguments] { run(common, *arguments); });
}

}  // namespace stele::tools
