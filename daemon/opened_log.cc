#include "daemon/opened_log.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>
#include <system_error>

#include "daemon/boot_id.h"
#include "daemon/log.h"
#include "daemon/service.h"
#include "daemon/timed_files.h"

namespace stele::daemon {
namespace {

constexpr std::string_view kShutdown = "{\"note\":\"shutdown\"}";

std::unique_ptr<storage::Lock> take_lock(storage::FileSystem& file_system,
                                         const std::string& directory) {
  const std::string path = directory + "/lock";
  auto lock = file_system.lock(path);
  const auto file = file_system.open(path, storage::FileSystem::Open::read_write);
  if (!lock) {
    std::string pid(32, '\0');
    pid.resize(file->read(0, {reinterpret_cast<std::uint8_t*>(pid.data()), pid.size()}));
    const std::string who = pid.empty() ? "" : " (pid " + pid + ")";
    throw CannotServe(EX_TEMPFAIL, directory + " is in use by another daemon" + who +
                                       ": stop that one, or give this one its own `data`");
  }
  const std::string pid = std::to_string(::getpid());
  const storage::ByteView bytes = attest::view(pid);
  file->truncate(0);
  file->write(0, {&bytes, 1});
  return lock;
}

void check_against(const Config& config, const JournalSummary& journal) {
  if (!journal.provisioned) {
    throw CannotServe(
        EX_CONFIG,
        config.data + " is provisioned in part: run `stele provision` again, it goes on");
  }
  if (!config.origin.empty() && config.origin != journal.genesis.origin) {
    throw CannotServe(EX_CONFIG, "origin is " + config.origin + " in the configuration, but " +
                                     config.data + " holds the log " + journal.genesis.origin +
                                     ": correct `origin` or `data`");
  }
  if (config.pcr && *config.pcr != journal.genesis.pcr) {
    throw CannotServe(EX_CONFIG, "tpm.pcr is " + std::to_string(*config.pcr) +
                                     " in the configuration, but the log uses " +
                                     std::to_string(journal.genesis.pcr) +
                                     " since it was provisioned: correct or remove it");
  }
}

// A daemon has: there is more than the genesis, and what `stele provision` kept of auditors' visits.
bool has_run(const storage::Store& store) {
  bool more = false;
  if (store.head().size <= 1) return more;
  store.visit(1, store.head().size, [&more](const storage::StoredRecord& record) {
    more = record.leaf.kind != attest::Kind::access;
    return !more;
  });
  return more;
}

// Provisioning keeps the trust file last: of mode a, when the auditor has locked the TPM. Until
// then nothing may run; a log that has run was locked, whatever became of that file since.
void require_locked(const Config& config, const JournalSummary& journal,
                    const storage::Store& store) {
  if (journal.genesis.mode != attest::Mode::a || has_run(store) ||
      storage::posix().exists(config.data + "/trust")) {
    return;
  }
  throw CannotServe(EX_CONFIG,
                    config.data +
                        " is of mode a, and its TPM is not locked yet: run `stele provision` "
                        "again, and let the auditor come");
}

// Looked past at a start: more than an auditor needs to lock a TPM.
constexpr int kMostVisits = 256;

const char* previous_end(const storage::Store& store) {
  if (!has_run(store)) return "none";
  std::uint64_t size = store.head().size;
  storage::StoredRecord last = store.read(size - 1);
  // Behind the end of a daemon there may be visits that `stele provision` kept.
  for (int visits = 0; last.leaf.kind == attest::Kind::access && visits < kMostVisits; ++visits) {
    --size;
    last = store.read(size - 1);
  }
  const std::string_view text(reinterpret_cast<const char*>(last.bytes.data()), last.bytes.size());
  return last.leaf.kind == attest::Kind::note && text == kShutdown ? "clean" : "unclean";
}

OpenedLog open_checked(const Config& config) {
  storage::FileSystem& file_system = storage::posix();
  require_store(file_system, config.data);
  if (file_system.exists(config.data + "/era")) {
    throw CannotServe(EX_CONFIG, config.data +
                                     ": an era was begun in part: run `stele era begin` "
                                     "again, it goes on, or drop it with --abandon");
  }
  auto lock = take_lock(file_system, config.data);
  JournalSummary journal = summarise_journal(file_system, config.data);
  check_against(config, journal);
  storage::StoreOptions options;
  options.segment_bytes = config.segment_bytes;
  options.anchored_size = journal.anchored_size;
  storage::Store store = storage::Store::open(timed_files(), config.data, options);
  if (store.log_id() != journal.log_id) {
    throw CannotServe(EX_DATAERR, config.data +
                                      " holds the segments of one log and the journal of another: "
                                      "put back the files that belong together");
  }
  require_locked(config, journal, store);
  if (store.recovered_torn_bytes() > 0) {
    log(Priority::notice, "cut off " + std::to_string(store.recovered_torn_bytes()) +
                              " bytes of a group that was never acknowledged");
  }
  const char* end = previous_end(store);
  const std::uint64_t size = store.head().size;
  std::int64_t newest_ns = journal.newest_wall_ns;
  if (size > 0) newest_ns = std::max(newest_ns, store.read(size - 1).leaf.time_ns);
  return {std::move(lock), std::move(journal), std::move(store), newest_ns, end};
}

}  // namespace

OpenedLog open_log(const Config& config) {
  try {
    return open_checked(config);
  } catch (const NotAStore& error) {
    throw CannotServe(EX_CONFIG, error.what());
  } catch (const storage::Damage& error) {
    const bool newer = attest::outcome_of(error.defect().fault) == attest::Outcome::unknown;
    throw CannotServe(
        EX_DATAERR, std::string(error.what()) +
                        (newer ? ": a newer version of Stele wrote this, and nothing was changed; "
                                 "start that version again"
                               : ": no crash leaves this behind; see `stele-verify " + config.data +
                                     "`, and keep a copy before you change anything"));
  } catch (const std::system_error& error) {
    const bool forbidden = error.code() == std::errc::permission_denied;
    throw CannotServe(
        forbidden ? EX_NOPERM : EX_IOERR,
        std::string(error.what()) + (forbidden ? ": run as the user who owns the store"
                                               : ": see to the disk, then start again"));
  }
}

std::string boot_text(const char* end) {
  return boost::json::serialize(boost::json::object{
      {"boot_id", read_boot_id()}, {"previous_end", end}, {"version", STELE_VERSION}});
}

std::string config_text(const Config& config) {
  const std::string values = to_toml(config);
  return boost::json::serialize(boost::json::object{
      {"sha256", attest::to_hex(attest::hash(attest::view(values)))}, {"toml", values}});
}

std::string shutdown_text() {
  return std::string(kShutdown);
}

}  // namespace stele::daemon
