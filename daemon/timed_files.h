// The real file system (storage::posix()) with every sync of a file timed.
//
// Thread safety, errors, durability: as storage::FileSystem. One for the process, as the real one.
#pragma once

#include "daemon/duration_histogram.h"
#include "storage/file_system.h"

namespace stele::daemon {

storage::FileSystem& timed_files();
// Of all files opened through it; a failed one counts too.
DurationHistogram& sync_times();

}  // namespace stele::daemon
