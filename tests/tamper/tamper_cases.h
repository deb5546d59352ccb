// Every way in which the tamper tests bend the good store, by family and name.
//
//   21 flip      every bit of every file               22 cut      every file at every length
//   23 record    delete, duplicate, swap, all hashes that need no key made anew
//   24 file, segment, anchor, entry: delete, duplicate, swap, splice from another log
//   25 forge     record k edited, everything recomputed: A segments, B statements and journal too
//   0  benign    what crashes and honest cuts leave: must be verified
// Thread safety: functions; the case given to a visitor is its own until it returns.
#pragma once

#include <functional>
#include <string>

#include "tests/tamper/tamper_base.h"

namespace stele::test {

enum class Expected {
  tampered,
  verified,
  unchanged,  // any conclusion, but if verified, then of nothing else than the good store's records
};

struct TamperCase {
  int family = 0;
  std::string name;
  Expected expected = Expected::unchanged;
  MemoryFiles& files;
};
using CaseVisitor = std::function<void(const TamperCase&)>;

// Of the families 21 and 22 every step-th case; `file` limits them to one file (empty: all).
void bit_flips(const TamperBase&, std::size_t step, const std::string& file, const CaseVisitor&);
void cuts(const TamperBase&, std::size_t step, const CaseVisitor&);
void record_moves(const TamperBase&, const CaseVisitor&);
void file_moves(const TamperBase&, const CaseVisitor&);
void segment_moves(const TamperBase&, const CaseVisitor&);
void anchor_moves(const TamperBase&, const CaseVisitor&);
void forgeries(const TamperBase&, const CaseVisitor&);
void benign_cases(const TamperBase&, const CaseVisitor&);

// All of it, the first two families thinned out: what a second verifier is run over.
void named_cases(const TamperBase&, const CaseVisitor&);

// Was a change accepted? Was an honest state called tampering?
bool is_missed(const TamperBase&, const TamperCase&, const attest::Report&);
bool is_false_alarm(const TamperCase&, const attest::Report&);

}  // namespace stele::test
