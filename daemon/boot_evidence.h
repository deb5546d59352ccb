// What this boot of the machine left to read: its id, the firmware's event log, the IMA list.
//
// Thread safety: functions. Blocks: on files.
// Errors: std::system_error when a log cannot be kept; one that cannot be read counts as absent:
// the evidence is advisory.
// Durability: a kept log is durable when keep_boot_log() returns, as is its name.
#pragma once

#include <array>
#include <string>

#include "attest/hash.h"
#include "daemon/boot_log_paths.h"
#include "storage/boot_log_reader.h"

namespace stele::daemon {

struct BootEvidence {
  std::array<std::uint8_t, 16> boot_id{};
  attest::Bytes event_log;  // empty: none
  attest::Bytes ima_log;    // empty: none
};

// A log above storage::kMaxBootLogBytes counts as absent, as it does for its reader.
BootEvidence read_boot_evidence(storage::FileSystem& files, const BootLogPaths& paths);

// Keeps DIR/boot/HASH. Does nothing for an empty log or one that is there already.
void keep_boot_log(storage::FileSystem& files, const std::string& directory, attest::ByteView log);

}  // namespace stele::daemon
