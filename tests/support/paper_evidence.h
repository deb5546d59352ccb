// Evidence bundles of logs on paper, assembled as those of stores are, and bent as an attacker would.
//
// Thread safety: pure. Errors: ENSUREs of the assembler.
#pragma once

#include <functional>
#include <optional>

#include "attest/evidence/appraise.h"
#include "attest/evidence/index_ranges.h"
#include "attest/witness/cosigned_heads.h"
#include "attest/memory.h"
#include "tests/support/paper_log.h"
#include "tests/support/sealed_evidence.h"

namespace stele::test {

struct EvidenceWish {
  std::optional<attest::IndexRanges> shown;  // none: all records, the tail too
  std::optional<attest::Memory> since;
  std::vector<std::uint64_t> earlier;
  std::string trust;
  attest::Bytes answer;
  std::vector<attest::CosignedHead> heads;  // none: a bundle of version 1
  std::vector<attest::Bytes> logs;  // behind every boot bundle
};

// Changes a record on its way into the bundle; the subtrees stay those of the log.
using Forging = std::function<void(std::uint64_t index, PaperLog::Record&)>;
attest::Bytes bundle_of(const PaperLog& log, const EvidenceWish& wish = {},
                        const Forging& forging = {});

// What a verifier of the whole log remembers.
attest::Memory remembered(const PaperLog& log);

// With the log's trust file; and with what a verifier remembers.
attest::EvidenceOptions judging(const PaperLog& log);
attest::EvidenceOptions judging(const PaperLog& log, const attest::Memory& memory);

// An auditor's key, and a trust file signed by it.
std::string auditor_key();
std::string signed_trust(const attest::TrustFile& trust);

}  // namespace stele::test
