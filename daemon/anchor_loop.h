// What the anchorer's thread does from start to end: what is due when, and what becomes of
// failures.
//
// The one place where accidents of TPM and journal are caught: a TPM failure means unavailable and
// another try later, as does a full disk; a journal failure the end.
// Thread safety: run() on one thread, made and destroyed anywhere. Blocks: run().
// See: README.md, "Anchorer states".
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "daemon/anchor_journal.h"
#include "daemon/anchor_requests.h"
#include "daemon/anchor_rounds.h"
#include "daemon/anchor_status.h"
#include "daemon/config.h"
#include "daemon/timed_anchor_device.h"
#include "daemon/token_bucket.h"

namespace stele::daemon {

class AnchorLoop {
 public:
  // All called on the loop's thread.
  struct Outside {
    std::function<tpm::Device()> connect;  // reaches the TPM
    std::function<attest::TreeHead()> durable_head;
    std::function<void(const AnchorStatus&, const std::optional<CounterAnchor>&)> publish;
    std::function<void(std::uint64_t size)> sealed;
    std::function<void()> ready;
    // Once, when the TPM was first reached; not called for a log that has none.
    std::function<void(const attest::Hash&)> checkpoint_seed = [](const attest::Hash&) {};
    std::function<void(int exit_code, std::string reason)> fatal;
    std::function<bool()> final_wanted;  // asked once, when the requests are closed
    std::shared_ptr<TpmTimes> tpm_times = std::make_shared<TpmTimes>();
  };
  AnchorLoop(const Config& config, AnchorRequests& requests, Outside outside);
  // Returns when the requests are closed, after the final anchor, or after `fatal`.
  void run();

 private:
  using Time = TokenBucket::Time;
  enum class Life { running, dead };

  void load();
  void turn();
  void reopen();
  void unseal();
  bool attempt(const std::function<void()>& work);
  bool attempt_round(const std::function<void()>& round);
  void failed(AnchorStatus::State state, const std::string& reason);
  void note_pause(attest::RemarkCode code);
  void halt_if_configured();
  void die(int exit_code, const std::string& reason);
  void counter_anchor(std::uint16_t flags);
  void quote_anchor(Time now);
  void final_anchor();
  void serve(AnchoringRequest&& request);
  void serve(const AnchorRequest& request);
  void serve(const AnswerRequest& request);
  void serve(const EnrolmentTask& task);
  AnswerOutcome answer_now(const attest::Hash& nonce);
  AnswerOutcome interrupted() const;
  std::optional<AnchorOutcome> refusal() const;
  bool counter_wanted(Time now) const;
  bool critical_waiting() const;
  Time next_turn(Time now) const;
  void warn_of_wear();
  void publish();

  Config config_;
  AnchorRequests& requests_;
  Outside outside_;
  std::optional<AnchorJournal> journal_;
  std::optional<AnchorRounds> rounds_;
  TokenBucket anchors_;  // counter anchors of all kinds
  AnchorStatus status_;
  Life life_ = Life::running;
  bool told_ready_ = false;
  bool unsealed_ = false;  // or there is no checkpoint key
  bool paused_ = false;                            // and the journal says so
  std::optional<attest::RemarkCode> owed_remark_;  // of a pause that a full disk kept from it
  bool start_anchor_due_ = true;
  bool records_waiting_ = true;
  std::uint64_t critical_size_ = 0;  // the newest critical event lies in the records [0, this)
  std::uint64_t told_seq_ = 0;  // of the newest counter anchor that outside_ was told of
  unsigned told_wear_ = 0;  // percent
  std::chrono::milliseconds back_off_;
  Time retry_at_{};
  Time heartbeat_at_{};
  Time quote_at_{};
};

}  // namespace stele::daemon
