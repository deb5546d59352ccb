// A machine with a log: a disk, a TPM, a clock and the daemon's own parts over them.
//
// storage::Store, AnchorJournal and AnchorRounds run as they are; what AnchorLoop does around them
// (when accidents are caught, pauses remarked) is done here in the same way. A trouble is armed for
// the n-th operation of disk or TPM from now on and strikes whatever the daemon does then.
// Thread safety: one thread, one Machine at a time. Errors: none come out of attempt().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "attest/trust.h"
#include "daemon/anchor_journal.h"
#include "daemon/anchor_rounds.h"
#include "storage/store.h"
#include "tests/simulation/virtual_anchor_device.h"
#include "tests/simulation/virtual_host.h"
#include "tests/support/memory_file_system.h"

namespace stele::test {

constexpr const char* kLog = "/log";

// What goes wrong, once, at the n-th operation from now.
struct Trouble {
  enum class Where : std::uint8_t { none, disk, tpm } where = Where::none;
  enum class What : std::uint8_t {
    death,     // the process dies (the machine, if power is lost then)
    io_error,  // EIO (disk); an answer that is lost (TPM)
    full,      // ENOSPC (disk) ; the TPM refuses, busy for ever (TPM)
    stranger,  // TPM only: somebody else sends a command
    reset,     // TPM only: it is reset under the daemon
    resume,    // TPM only: the machine sleeps and wakes
    extend,    // TPM only: somebody else extends P
  } what = What::death;
  std::uint64_t at = 0;
  Failure failure = Failure::failed;  // for the TPM, failed: before the command, else after it
  std::uint64_t times = 1;            // for strangers and a TPM that does not answer
};

enum class Ended : std::uint8_t {
  done,
  unavailable,  // TPM failing, or contended
  disk_full,
  stopped,  // AnchoringStopped
  damaged,  // storage::Damage: the daemon refuses the directory
  fatal,    // a failed write or sync: the daemon has ended
  died,     // killed
};
const char* name(Ended ended);

class Machine {
 public:
  Machine(std::uint64_t seed, attest::Mode mode);

  // The daemon.
  Ended start();  // recovery of store and journal, then the TPM; a daemon without TPM runs too
  Ended attempt(const std::function<void()>& work);
  void drop();  // the process is gone
  bool running() const { return daemon_ != nullptr; }
  bool anchoring() const { return running() && daemon_->rounds && daemon_->rounds->is_open(); }
  bool stopped() const { return running() && daemon_->stopped; }
  Ended reopen();  // the TPM, after it was unavailable
  // One group. done: acknowledged; disk_full: refused and the store goes on.
  Ended append(std::span<const storage::NewRecord> records);
  storage::Store& store() { return *daemon_->store; }
  daemon::AnchorJournal& journal() { return *daemon_->journal; }
  daemon::AnchorRounds& rounds() { return *daemon_->rounds; }
  const std::string& why() const { return why_; }  // of the newest Ended that is not done

  // Power and time.
  enum class Boot : std::uint8_t { unclean, clean, restart, resume };
  void lose_power(const std::vector<Survival>& survivals);
  void boot(Boot how);  // of the TPM; the process must be gone but for restart and resume
  void pass(std::uint64_t milliseconds) { host.pass(milliseconds); }

  // Troubles.
  void arm(const Trouble& trouble);
  bool disarm();  // whether it has struck
  // How often P was cleared or extended by somebody else; and the latter alone.
  std::uint64_t p_changes() const { return p_changes_; }
  std::uint64_t p_taken_over() const { return p_taken_over_; }
  void extend_p(const attest::Hash& digest);  // by somebody else

  std::unique_ptr<tpm::AnchorDevice> device();  // for who knows all secrets
  std::unique_ptr<MemoryFileSystem> copy_of_disk() const;
  void replace_disk(const MemoryFileSystem& disk);  // by a copy; the process must be gone

  VirtualTpm tpm;
  VirtualHost host;
  std::unique_ptr<MemoryFileSystem> files;
  tpm::Credentials credentials;
  attest::TrustFile trust;
  attest::Bytes genesis;

 private:
  struct Daemon {
    std::unique_ptr<storage::Lock> lock;
    std::optional<storage::Store> store;
    std::optional<daemon::AnchorJournal> journal;
    std::optional<daemon::AnchorRounds> rounds;
    bool stopped = false, paused = false;
  };
  void provision(attest::Mode mode);
  void write_boot_id();
  void open_log();
  void on_command(VirtualAnchorDevice::Moment moment);
  void strike();
  Ended failed(Ended ended, const char* why);
  Ended attempt_remark(attest::RemarkCode code);

  std::unique_ptr<Daemon> daemon_;
  Trouble trouble_;
  std::uint64_t commands_ = 0;
  bool struck_ = false;
  std::string why_;
  std::uint64_t boots_ = 0, p_changes_ = 0, p_taken_over_ = 0;
};

}  // namespace stele::test
