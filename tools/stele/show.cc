#include "tools/stele/show.h"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>

#include "tools/stele/log_reader.h"
#include "tools/stele/number.h"
#include "tools/stele/output.h"
#include "tools/stele/read_out_json.h"
#include "tools/stele/record_json.h"

namespace stele::tools {
namespace {

struct ShowArguments {
  std::uint64_t index = 0;
  bool raw = false;
  std::string format;
};

void show_records(const Common& common, const ShowArguments& arguments) {
  LogReader log(common);
  const storage::StoredRecord record = log.read(arguments.index);
  daemon::EventReader reader(log.site().config.json_mappings);
  if (arguments.raw) {
    if (record.erased) throw CommandError(kNoInput, "the content of this record was erased");
    std::cout.write(reinterpret_cast<const char*>(record.bytes.data()),
                    static_cast<std::streamsize>(record.bytes.size()));
  } else if (arguments.format == "json") {
    boost::json::object json = to_json(record);
    json["read_out"] = read_out_json(reader, record);
    std::cout << boost::json::serialize(json) << '\n';
  } else {
    std::cout << to_page(record) << read_out_page(reader, record);
  }
}

}  // namespace

void add_show(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<ShowArguments>();
  CLI::App* command = app.add_subcommand(
      "show", "Show one record, and who, what and with what outcome was read out of it");
  command->add_option("INDEX", arguments->index, "The record's number, from 0")
      ->check(is_number())
      ->required();
  command->add_flag("--raw", arguments->raw,
                    "The content's bytes, exactly, whatever they do to a terminal");
  add_format(*command, arguments->format, {"text", "json"});
  command->callback([&common, arguments] { show_records(common, *arguments); });
}

}  // namespace stele::tools
