#include "daemon/record_proof.h"

#include "attest/check.h"

namespace stele::daemon {

std::optional<attest::Proof> prove_record(const storage::Store& store, const CounterAnchor& anchor,
                                          std::uint64_t index, bool content) {
  const std::uint64_t size = anchor.statement.tree.size;
  ENSURE(index < size);
  storage::StoredRecord record = store.read(index);
  attest::Proof proof;
  proof.index = index;
  proof.leaf = record.encoded_leaf;
  proof.path = attest::prove_inclusion(index, size, store);
  proof.statement = attest::encode(anchor.statement);
  proof.receipt = anchor.receipt;
  proof.receipt.quote.reset();
  if (content) {
    if (record.erased) return std::nullopt;
    proof.content = {record.salt, std::move(record.tlvs), std::move(record.bytes)};
  }
  return proof;
}

}  // namespace stele::daemon
