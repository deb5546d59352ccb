// check_log: what the bytes of a store say, read without any of the code that writes or recovers
// it.
//
// Written from the format pages alone: own parsing, the RFC's recursive definition of the tree,
// every checksum, every commitment. Expects files without a torn end (a recovered store).
// Thread safety: functions. Errors: what is wrong comes back as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/file_system.h"
#include "tests/support/records.h"

namespace stele::test {

struct LogCheck {
  std::string wrong;  // empty: nothing
  std::uint64_t records = 0;
  std::uint64_t entries = 0;
  attest::Hash root;
  std::vector<std::string> payloads;  // of the journal's entries
};
// Records and entries found must be the first ones of those expected (payloads of the journal's
// entries).
LogCheck check_log(storage::FileSystem& files, const std::string& directory, const Records& records,
                   const std::vector<std::string>& entries);

// The same of any log. Entries may go on after those expected.
LogCheck check_log_of(const attest::Hash& log_id, storage::FileSystem& files,
                      const std::string& directory, const Records& records,
                      const std::vector<std::string>& entries);

// The RFC's definition: MTH of leaf hashes [begin, end).
attest::Hash reference_root(const std::vector<attest::Hash>& leaves, std::size_t begin,
                            std::size_t end);

}  // namespace stele::test
