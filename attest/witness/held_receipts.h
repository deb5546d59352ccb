// Receipts held off the host, as it handed them out at once (pushed.h), against what it presents.
//
// A receipt that the pinned TPM signed proves that its anchor was made, whoever kept the line. If
// that anchor is not in what is presented, the log was rolled back or replaced: fault
// held_receipt_missing. A line that no pinned TPM signed proves nothing: finding
// held_receipt_invalid. Receipts of an era that is not presented, and of anchors from before where the
// evidence begins, cannot be compared: they are counted, finding held_receipt_not_compared.
// Memory: about 100 bytes a receipt, a node of a map among them.
// Thread safety: a value. Use: take() all lines, then presented() or begins_behind(), and anchored()
// for each anchor of the log, then finish(). See: README.md, "Handed out".
#pragma once

#include <functional>
#include <map>
#include <optional>
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
  void presented(const Hash& log_id);  // an era of the log that is presented
  // The evidence begins in this era, behind its statement of this seq and digest.
  void begins_behind(const Hash& log_id, std::uint64_t seq, const Hash& digest);
  // A statement of that era with a receipt that verified.
  void anchored(const Statement& statement, const Hash& digest);
  // Those not found that the auditor has not given up with an era.
  using GivenUp = std::function<bool(const Hash& log_id, std::uint64_t seq)>;
  void finish(ReportDraft& draft, const GivenUp& given_up, Report& report) const;
  std::uint64_t held() const { return held_.size(); }

 private:
  struct Held {
    std::size_t era = 0;  // of eras_
    std::uint64_t seq = 0;
    bool found = false;
  };
  struct Era {
    TrustPins pins;
    TpmIdentity identity;
    bool presented = false;
    std::optional<std::uint64_t> behind;  // the seq where the evidence begins
    std::uint64_t newest = 0;             // the largest seq presented
  };
  Era* find(const Hash& log_id);
  void missing(const Held& held, ReportDraft& draft) const;
  void not_compared(const Era& era, std::uint64_t count, ReportDraft& draft) const;

  std::vector<Era> eras_;
  std::map<Hash, Held> held_;  // by d
};

}  // namespace stele::attest
