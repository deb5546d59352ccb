// Confinement of one thread: what it may still open, by Landlock. A hurdle, no wall.
//
// For the threads that read what senders write. Who takes such a thread over cannot open the TPM,
// the store, its secrets or anything else, make a file, or start a program. But threads share
// memory and descriptors: the authValues in memory can still be read, and what is open already
// written to. Only a process of its own would change that (README.md, "Confined threads").
// Thread safety: confines the calling thread, for good, and threads that it starts afterwards.
// Errors: none; where it cannot be, the reason is given. See: landlock(7).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace stele::daemon {

struct MayReach {
  std::vector<std::string> to_read;         // files, and folders with all that is beneath
  std::vector<std::string> to_replace;      // folders whose files are read, made and replaced
  std::vector<std::string> socket_folders;  // sockets are removed there when they are closed
};

// Nothing: confined. Otherwise why not: an older kernel, one without Landlock, a sanitizer's build.
std::optional<std::string> confine_thread(const MayReach& may_reach);

// The thread that hears senders: no file at all, but the names of its own sockets.
MayReach reach_of_ingest(const std::vector<std::string>& sockets);
// The thread that answers HTTP: it may also read the log, and keep what it witnesses. Never
// DIR/secrets.
MayReach reach_of_http(const std::string& data, const std::vector<std::string>& sockets);

}  // namespace stele::daemon
