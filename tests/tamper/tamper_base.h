// The small good store that the tamper tests bend, another log of the same origin, and how to judge.
//
// 11 records in 3 segments, 2 counter anchors, 3 quote anchors, 2 commit groups after the last anchor;
// about 10 KiB. Thread safety: reading from several threads.
#pragma once

#include <vector>

#include "attest/appraiser.h"
#include "tests/support/memory_files.h"
#include "tests/support/paper_store.h"

namespace stele::test {

struct TamperBase {
  MemoryFiles files;
  PaperStore paper;           // the same, free to be bent
  MemoryFiles foreign_files;  // of another log with the same origin, another TPM
  PaperStore foreign;
  attest::TrustFile trust;
  std::vector<attest::Hash> roots;  // of the tree of the first n records, n = 0 ... size
  std::uint64_t anchored = 0;       // records below the newest anchor of either kind
};
const TamperBase& tamper_base();

attest::Report appraise(MemoryFiles& files, const attest::TrustFile& trust);

}  // namespace stele::test
