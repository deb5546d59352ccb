// The rounds of anchoring: what one start, counter anchor, quote anchor, answer or enrolment does
// with the TPM and the journal, step by step, from beginning to end.
//
// Recovery is the normal path: after whatever went wrong a round reads C, E, P and the clock again
// and lets tpm::decide say what is left to do (tpm/README.md, "Recovery").
// Thread safety: one thread. Blocks: all, for as long as the TPM takes.
// Errors: tpm::TpmError, after which the device must be opened anew; AnchoringStopped, for good;
// Contended, to be tried again later; std::system_error of the journal (anchor_journal.h).
// Invariants: (1) NV_Increment is never sent twice for one intent; (2) nothing is stored as a
// receipt that the chain did not verify; (3) a new bundle is stored before an older intent is
// closed; (4) nothing is stopped, and P called a stranger's, on one unsigned answer alone.
// See: README.md, "Life of an anchor".
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "attest/answer.h"
#include "attest/merkle.h"
#include "daemon/anchor_journal.h"
#include "daemon/boot_log_paths.h"
#include "storage/file_system.h"
#include "tpm/anchor_device.h"
#include "tpm/recovery.h"

namespace stele::daemon {

// The TPM was put back, somebody else anchors, an index is gone: never repaired, the words say
// which.
class AnchoringStopped : public std::runtime_error {
  using runtime_error::runtime_error;
};
// Somebody else keeps using the TPM in between, or it gives answers that do not verify.
class Contended : public std::runtime_error {
  using runtime_error::runtime_error;
};

// A receipt that comes so long after its statement was dated (a disk, a TPM, a machine was slow) is
// explained by a pause remark before it and a resumed one behind it. The verifier bears slack_ms, 5 s
// by default, without a word.
constexpr std::chrono::seconds kLateReceipt{3};
constexpr std::string_view kLateReceiptWords = "a statement waited ";   // so the one's text begins
constexpr std::string_view kLateReceiptIsThere = "its receipt is there";  // and so the other's is

class AnchorRounds {
 public:
  using Connect = std::function<std::unique_ptr<tpm::AnchorDevice>()>;
  using DurableHead = std::function<attest::TreeHead()>;
  using Clock = std::function<std::int64_t()>;  // nanoseconds that only what goes by adds to

  // The journal must outlive the rounds. The first open() makes a bundle: a new daemon start.
  // No clock: no receipt is late.
  AnchorRounds(storage::FileSystem& files, std::string directory, AnchorJournal& journal,
               Connect connect, BootLogPaths boot_logs = {}, Clock clock = {});

  // Connects; stores a new bundle at the first open and in a new run; finishes what was left
  // undone.
  void open();
  void close() { device_.reset(); }
  bool is_open() const { return device_ != nullptr; }
  // Nothing: this log has no key for checkpoints. Precondition: is_open().
  std::optional<attest::Hash> checkpoint_seed() { return device_->checkpoint_seed(); }

  // One counter anchor over the durable head, A0 to A8. Precondition: is_open(), as for the next
  // two.
  void counter(const DurableHead& durable_head, std::uint16_t flags);
  // One quote anchor, Q1 to Q5. Precondition: !chain().needs_counter_anchor().
  // False: the run changed or P was extended by a stranger; a counter anchor must come first.
  bool quote(const DurableHead& durable_head);
  // A quote anchor over the durable head, then the live answer for it. Precondition: as for
  // quote().
  attest::Answer answer(const attest::Hash& nonce, const DurableHead& durable_head);
  // What an auditor who enrols this host asks for; between rounds, so that no session of ours is
  // interrupted. Precondition: is_open().
  attest::HostIdentity identify(const attest::Bytes& answer, std::uint32_t certificate);
  tpm::Activation activate(const attest::ActivationRequest& request);
  // The live answer for the newest statement as things are, judged by nobody here: what a log that
  // the TPM contradicts has to show. Precondition: !is_open().
  attest::Answer testify(const attest::Hash& nonce);

 private:
  struct Patience;
  std::int64_t date_statement();
  void open_intent(const attest::Statement& statement);
  void remark_wait();
  void settle();
  bool settle_step(Patience& patience);
  static tpm::Decision confirmed(const std::function<tpm::Decision()>& look);
  bool carry_out(const tpm::Decision& decision, Patience& patience);
  void store_bundle(const std::string& foreign);
  void note_foreign_extend(const std::string& reason);
  [[noreturn]] void refuse_bundle(const attest::Defect& defect);
  void void_intent();
  attest::Result<void> finish_intent(const tpm::Decision& decision);
  bool run_changed();
  bool in_run_of_intent() const;
  [[noreturn]] void stop(const std::string& reason);
  tpm::IndexState read_indexes_or_stop();
  attest::Answer take_answer(const attest::Hash& nonce);
  attest::Result<attest::Answer> ask(const attest::Hash& nonce);

  storage::FileSystem& files_;
  std::string directory_;
  AnchorJournal& journal_;
  Connect connect_;
  BootLogPaths boot_logs_;
  Clock clock_;
  std::unique_ptr<tpm::AnchorDevice> device_;  // none: not open
  std::optional<attest::Run>
      run_;  // as ReadClock gave it when the newest bundle was made; none: no bundle yet
  bool recovered_ = false;  // something was left undone: the next counter anchor says so
  // Of the newest statement for its receipt; none: it has it, or was dated before open(), and then
  // a pause or a bundle explains it.
  struct Wait {
    std::int64_t since_ns = 0;  // by clock_
    std::int64_t disk_ns = 0;   // of it for the intent to be durable
    bool remarked = false;
  };
  std::optional<Wait> wait_;
};

}  // namespace stele::daemon
