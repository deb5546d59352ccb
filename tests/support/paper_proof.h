// The proof of a record of a log on paper, under its newest anchor, with all that its receipt has.
#pragma once

#include "attest/proof.h"
#include "tests/support/paper_log.h"

namespace stele::test {

attest::Proof prove(const PaperLog& log, std::uint64_t index, bool with_content);

}  // namespace stele::test
