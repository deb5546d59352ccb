#include "tools/stele/look_up.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "daemon/read_out/terms.h"
#include "storage/look_up.h"
#include "tools/stele/progress.h"
#include "tools/stele/site.h"

namespace stele::tools {
namespace {

constexpr std::uint64_t kStepRecords = 65'536;

void rebuild(const Common& common) {
  const Site site = find_site(common);
  storage::FileSystem& files = storage::posix();
  const storage::Store store = open_store(site);
  const std::string path = site.config.data + "/look-up.sqlite";
  const auto lock = files.lock(site.config.data + "/lock");
  if (!lock) {
    throw CommandError(kTemporary, "a daemon runs on " + site.config.data +
                                       ": stop it first, it keeps the look-up open");
  }
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    if (files.exists(path + suffix)) files.remove(path + suffix);
  }
  const auto look_up =
      storage::LookUp::open(path, store.log_id(), daemon::term_reader(site.config.json_mappings));
  const std::uint64_t size = store.head().size;
  Progress progress("look-up");
  while (look_up->size() < size) {
    look_up->feed(store, std::min(size, look_up->size() + kStepRecords));
    progress.at(look_up->size(), size,
                std::to_string(look_up->size()) + " of " + std::to_string(size) + " records");
  }
  look_up->flush();
  std::cout << "look-up rebuilt over " << size << " records\n";
}

}  // namespace

void add_look_up(CLI::App& app, const Common& common, int&) {
  CLI::App* command =
      app.add_subcommand("look-up", "The look-up, which finds records and proves nothing");
  command->require_subcommand(1);
  command->add_subcommand("rebuild", "Make it anew from the log")->callback([&common] {
    rebuild(common);
  });
}

}  // namespace stele::tools
