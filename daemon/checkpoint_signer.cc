#include "daemon/checkpoint_signer.h"

#include "attest/witness/cosignature.h"
#include "storage/whole_file.h"

namespace stele::daemon {
namespace {

constexpr std::size_t kMaxKeyFileBytes = 1024;

void keep(const std::string& path, const attest::NoteKey& key) {
  const std::string text = to_text(key) + "\n";
  if (storage::read_whole(storage::posix(), path, kMaxKeyFileBytes) == text) return;
  storage::replace_whole(storage::posix(), path, text);
}

}  // namespace

void CheckpointSigner::unsealed(const attest::Hash& seed, const std::string& directory) {
  auto signer = std::make_shared<const attest::NoteSigner>(seed, origin_);
  auto witness = std::make_shared<const attest::NoteSigner>(attest::witness_seed(seed), origin_);
  const attest::NoteKey key = signer->key();
  const attest::NoteKey cosigner = attest::cosigner_key(*witness);
  {
    const std::lock_guard lock(mutex_);
    signer_ = std::move(signer);
    witness_ = std::move(witness);
  }
  keep(directory + "/checkpoint.vkey", key);
  keep(directory + "/witness.vkey", cosigner);
}

std::optional<attest::NoteKey> CheckpointSigner::key() const {
  const std::lock_guard lock(mutex_);
  return signer_ ? std::optional(signer_->key()) : std::nullopt;
}

std::optional<std::string> CheckpointSigner::sign(const attest::TreeHead& head) const {
  std::shared_ptr<const attest::NoteSigner> signer;
  {
    const std::lock_guard lock(mutex_);
    signer = signer_;
  }
  if (!signer) return std::nullopt;
  return to_text(signer->sign(to_text(attest::Checkpoint{origin_, head, {}})));
}

std::shared_ptr<const attest::NoteSigner> CheckpointSigner::witness() const {
  const std::lock_guard lock(mutex_);
  return witness_;
}

}  // namespace stele::daemon
