// BootLogReader: what is there of the logs that boot bundles name, read from DIR/boot/HASH.
//
// Thread safety: one thread. Memory: one log of each kind, at most kMaxBootLogBytes.
// Errors: only the OS failing throws std::system_error; what is no regular file is not there.
// Trust: files are from the host under judgement; whether they are the logs that the bundle names
// is the appraiser's to find.
#pragma once

#include <cstdint>
#include <string>

#include "attest/bundle.h"
#include "storage/file_system.h"

namespace stele::storage {

// A longer log is not kept, and not read: an IMA list of a million measurements is about 100 MB.
constexpr std::uint64_t kMaxBootLogBytes = 128u << 20;
// Of all logs, as often as bundles name them: each is judged anew, and a host may name as many as
// it likes. Those beyond count as not there.
constexpr std::uint64_t kMaxBootLogsBytes = std::uint64_t{8} << 30;

class BootLogReader {
 public:
  BootLogReader(FileSystem& files, const std::string& directory)
      : files_(files), folder_(directory + "/boot") {}

  // Of a bundle's encoding; nothing, if it is none. Views until the next call.
  attest::BootLogs read(ByteView bundle);

 private:
  struct Log {
    attest::Hash named;
    std::uint64_t stated = 0;
    bool there = false;
    attest::Bytes bytes;
  };
  std::optional<ByteView> read(Log& log, const attest::Hash& named, std::uint64_t stated);

  FileSystem& files_;
  std::string folder_;
  Log event_log_, measurements_;  // read last: a daemon that starts again names the same
  std::uint64_t left_ = kMaxBootLogsBytes;
};

}  // namespace stele::storage
