// A stranger who follows a journal entry by entry from its first, and believes what an AnchorChain
// of its own believes.
//
// Thread safety: none. Trust: nothing but the genesis' identity, as a verifier with its trust file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/daemon/anchoring_host.h"

namespace stele::test {

class Stranger {
 public:
  explicit Stranger(const Host& host) : host_(host) {}
  // Judges the entries since the last time. What the first bad one has wrong; "" if none.
  std::string catch_up();

  const attest::AnchorChain& chain() const { return *chain_; }
  std::vector<attest::Remark> remarks;  // so far
  std::size_t receipts = 0;             // of statements

 private:
  const Host& host_;
  std::optional<attest::AnchorChain> chain_;
  std::uint64_t read_ = 0;
};

}  // namespace stele::test
