#include "daemon/http/witness.h"

#include <chrono>

#include "attest/failpoint.h"
#include "attest/witness/cosignature.h"
#include "daemon/log.h"
#include "storage/whole_file.h"

namespace stele::daemon {
namespace {

std::uint64_t now_s() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

std::string path_of(const std::string& directory, const std::string& origin) {
  return directory + "/witnessed/" +
         attest::to_hex(attest::hash(attest::view(origin))).substr(0, 32);
}

std::string_view witness_body_text(const attest::Bytes& body) {
  return {reinterpret_cast<const char*>(body.data()), body.size()};
}

}  // namespace

WitnessService::WitnessService(const Config& config, const CheckpointSigner& signer)
    : signer_(signer) {
  storage::FileSystem& files = storage::posix();
  if (!config.witnessed_logs.empty()) files.create_directory(config.data + "/witnessed");
  for (const std::string& vkey : config.witnessed_logs) {
    Log log{*attest::parse_note_key(vkey), "", "", attest::empty_tree()};
    const std::string origin = log.key.name;
    log.path = path_of(config.data, origin);
    const auto kept = storage::read_whole(files, log.path, attest::kMaxNoteBytes);
    if (kept) {
      const auto note = attest::parse_note(*kept);
      const auto checkpoint = note ? attest::parse_checkpoint(note->text)
                                   : attest::Result<attest::Checkpoint>(note.error());
      if (!checkpoint || checkpoint->origin != origin) {
        throw ConfigError(log.path + " does not hold what was cosigned last of " + origin +
                          ": restore it; begun anew, this witness would vouch for a fork");
      }
      log.newest_note = *kept;
      log.newest = checkpoint->tree;
    }
    daemon::log(Priority::notice, "witnessing " + origin +
                                      (kept ? " from its size " + std::to_string(log.newest.size)
                                            : ", of which nothing was cosigned here yet"));
    if (!logs_.emplace(origin, std::move(log)).second) {
      throw ConfigError("witnessed: two keys for the origin " + origin + "; give one");
    }
  }
}

HttpReply WitnessService::add_checkpoint(const HttpRequest& http) {
  const auto request = attest::parse_add_checkpoint(witness_body_text(http.body));
  if (!request) {
    ++refused;
    const attest::Place& at = request.error().at;
    return problem(400, "line " + std::to_string(at.value) + ": " + request.error().detail);
  }
  const auto log = logs_.find(request->checkpoint.origin);
  if (log == logs_.end()) {
    ++refused;
    return problem(404, "no log of this origin is witnessed here ([[witnessed]])");
  }
  return cosign(log->second, *request);
}

HttpReply WitnessService::cosign(Log& log, const attest::AddCheckpoint& request) {
  const attest::WitnessAnswer answer = attest::judge_add_checkpoint(request, log.key, log.newest);
  if (answer.status != 200) {
    ++refused;
    if (answer.equivocation) keep_evidence(log, request);
    if (answer.status != 409) return problem(answer.status, answer.detail);
    return {409, "text/x.tlog.size", std::to_string(log.newest.size) + "\n"};
  }
  const auto signer = signer_.witness();
  if (!signer) return busy("the TPM has not given the key to cosign with", 5);
  const attest::NoteSignature line = attest::cosign(*signer, request.note.text, now_s());
  attest::Note kept{request.note.text, {}};
  for (const attest::NoteSignature& own : request.note.signatures) {
    if (own.name == log.key.name && own.key_hash == log.key.key_hash) kept.signatures = {own};
  }
  kept.signatures.push_back(line);
  // Bound from here on: what is kept below may be durable although keeping it failed.
  log.newest = request.checkpoint.tree;
  log.newest_note = to_text(kept);
  FAILPOINT("witness.before_keep");
  storage::replace_whole(storage::posix(), log.path, log.newest_note);
  FAILPOINT("witness.after_keep");  // durable, and nobody has been told
  ++cosigned;
  return text_reply(200, to_text(line));
}

// The first pair is kept: it proves all that further ones would.
void WitnessService::keep_evidence(const Log& log, const attest::AddCheckpoint& request) {
  ++equivocations;
  const std::string path = log.path + ".conflict";
  const std::string what = "the log " + log.key.name + " signed two heads of one size: ";
  if (storage::posix().exists(path)) {
    return daemon::log(Priority::error, what + "again; " + path + " holds the first pair");
  }
  daemon::log(Priority::error, what + "both go into " + path);
  storage::replace_whole(storage::posix(), path, log.newest_note + "\n" + to_text(request.note));
}

}  // namespace stele::daemon
