// Receipts held off the host, as it handed them out at once (pushed.h), against what it presents.
//
// A receipt that the pinned TPM signed proves that its anchor was made, whoever kept the line. If
// that anchor is not in what is presented, the log was rolled back or replaced: fault
// held_receipt_missing. A line that no pinned TPM signed proves nothing: finding
// held_receipt_invalid. An era that is not presented at all is not judged here. Memory: 48 bytes a receipt.
// Thread safety: a value. Use: take() all lines, then anchored() for each counter anchor of the
// log, then finish(). See: README.md, "Handed out".
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "attest/report_draft.h"
#include "attest/trust.h"
#include "attest/witness/pushed.h"

namespace stele::attest {

class HeldReceipts {
 public:
  explicit HeldReceipts(const TrustFile& trust);
  void take(std::string_view line, std::uint64_t number, ReportDraft& draft);
  void presented(const Hash& log_id);   // an era of the log that is presented
  void anchored(const Hash& digest);  // a statement with a receipt that verified
  // Those not found that the auditor has not given up with an era (given_up: of log and seq).
  template <class GivenUp>
  void finish(ReportDraft& draft, GivenUp given_up) const;
  std::uint64_t held() const { return held_.size(); }

 private:
  struct Held {
    std::size_t era = 0;  // of eras_
    std::uint64_t seq = 0;
    bool found = false;
  };
  void missing(const Held& held, ReportDraft& draft) const;

  struct Era {
    TrustPins pins;
    TpmIdentity identity;
    bool presented = false;
  };
  std::vector<Era> eras_;
  std::map<Hash, Held> held_;  // by d
};

template <class GivenUp>
void HeldReceipts::finish(ReportDraft& draft, GivenUp given_up) const {
  for (const auto& [digest, held] : held_) {
    const Era& era = eras_[held.era];
    if (held.found || !era.presented || given_up(era.pins.log_id, held.seq)) continue;
    missing(held, draft);
  }
}

}  // namespace stele::attest
