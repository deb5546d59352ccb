// BootRules: what the appraiser says about boots: their logs, and their PCRs against the policy.
//
//   a log that is not the one its bundle names   boot_log_mismatch: statements commit to it, and
//                                                the log was durable before it
//   a log that is not there                      finding, unless this kind of evidence need not hold
//                                                it; its rules cannot be held to hold
//   a log that does not give the quoted values   finding, never a fail: honest firmware has such
//                                                logs, and one who lies gains nothing by it
//   a boot that the policy does not know         finding unapproved_boot, platform unknown
// A boot is counted when a statement with a receipt commits to its bundle; a bundle that none
// commits to is no evidence. PCR values are advisory: a bus attacker can replay them.
// Thread safety: one thread. Trust: bundles have verified; logs may come from anyone.
// See: README.md, "Measured boot".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/boot/policy.h"
#include "attest/bundle.h"
#include "attest/report_draft.h"
#include "attest/statement.h"

namespace stele::attest {

class BootRules {
 public:
  BootRules(const std::optional<boot::BootPolicy>& policy, ReportDraft& draft, BootFigures& figures)
      : policy_(policy), draft_(draft), figures_(figures) {}

  void bundle(const VerifiedBundle& verified, ByteView encoded, const BootLogs& logs, Place at);
  void receipt(const Statement& statement);

 private:
  // A boot, judged when its bundle came; told when a statement commits to it.
  struct Judged {
    Hash bundle;
    std::string boot_id;
    std::vector<std::string> missing;      // logs
    std::vector<std::string> unexplained;  // what does not fit, of which log
    std::vector<std::string> unapproved;   // reasons of the policy's
    bool approved = false;
  };
  std::optional<ByteView> verify_log(const std::string& what, std::optional<ByteView> presented,
                                     std::uint64_t bytes, const Hash& hash, Place at,
                                     Judged& judged);
  void judge(const Bundle& bundle, std::optional<ByteView> event_log,
             std::optional<ByteView> measurements, Judged& judged) const;

  const std::optional<boot::BootPolicy>& policy_;
  ReportDraft& draft_;
  BootFigures& figures_;
  std::optional<Judged> pending_;
  std::string told_;  // of the boot told last: a daemon that starts again says nothing new
};

}  // namespace stele::attest
