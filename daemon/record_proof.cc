#include "daemon/record_proof.h"

#include "attest/check.h"
#include "attest/witness/cosigned_heads.h"
#include "storage/whole_file.h"

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

std::optional<attest::Note> signed_head(const CheckpointSigner& signer,
                                        const std::string& directory,
                                        const attest::TreeHead& head) {
  const auto text = signer.sign(head);
  if (!text) return std::nullopt;
  attest::Note note = *attest::parse_note(*text);
  const auto kept =
      storage::read_whole(storage::posix(), directory + "/cosignatures", attest::kMaxCosignedBytes);
  if (kept) attest::take_cosignatures(*kept, note);
  return note;
}

const char* const kNoCheckpointKey =
    "a tlog-proof needs a signed checkpoint, and the TPM has not given the key to sign it with: "
    "see "
    "`stele status`; a log made without one gets it from `stele provision`";

std::string tlog_proof_too_long(bool content) {
  return "the record's tlog-proof takes more than " + std::to_string(attest::kMaxTlogProofBytes) +
         " bytes: leave out " +
         (content ? "its content" : "the format, for a proof of Stele's own");
}

}  // namespace stele::daemon
