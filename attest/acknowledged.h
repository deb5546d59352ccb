// Acknowledged foreign extends: those of an era that its auditor has looked into, by their anchors.
//
//   acknowledged_extend SEQ HEX     HEX: d of counter anchor SEQ, the one that bears foreign-extend
//
// d commits to the statements before it and to their trees, so what an acknowledgement covers stays
// as it was when it was given: nothing can be cut under it later. SEQ is for whoever reads the
// file, and tells another anchor in that place from one that is missing. Ascending, none twice.
// Thread safety: values. Errors: trust_malformed with the line.
// Trust: the auditor's alone; what a host hands out never brings such a line along.
// See: README.md, "Trust file" and "Acknowledging a foreign extend".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

// Of one era, counted. Whoever needs more has another program on P: provision with another PCR.
// With 64 eras they take half of what a trust file may be (kMaxTrustFileBytes).
constexpr std::size_t kMaxAcknowledgedExtends = 64;
constexpr std::string_view kAcknowledgedPrefix = "acknowledged_";

struct AcknowledgedExtend {
  std::uint64_t seq = 0;  // from 1
  Hash digest;
  bool operator==(const AcknowledgedExtend&) const = default;
};

std::string to_text(const std::vector<AcknowledgedExtend>& acknowledged);
// At least one line, each of them ended; the first has this number in its file.
Result<std::vector<AcknowledgedExtend>> parse_acknowledged(std::string_view text,
                                                           std::size_t first_line);

}  // namespace stele::attest
