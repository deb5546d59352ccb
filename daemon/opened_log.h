// The log as a daemon opens it: locked against a second one, its journal read, its store recovered.
//
// Errors: CannotServe: 65 damage, 74 I/O, 75 another daemon has it, 77 permission, 78 not
// provisioned or not the log that the configuration names.
#pragma once

#include <memory>

#include "daemon/config.h"
#include "daemon/journal_summary.h"
#include "storage/store.h"

namespace stele::daemon {

struct OpenedLog {
  std::unique_ptr<storage::Lock> lock;
  JournalSummary journal;
  storage::Store store;
  std::int64_t newest_ns;    // by the wall clock of the newest record or statement
  const char* previous_end;  // "clean", "unclean" or "none" (the first start)
};
OpenedLog open_log(const Config& config);

// The content of the records that a daemon writes about itself, as canonical JSON.
std::string boot_text(const char* previous_end);
std::string config_text(const Config& config);
std::string shutdown_text();

}  // namespace stele::daemon
