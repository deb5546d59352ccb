// Signs C2SP notes with an Ed25519 key: the other side of what verify_note() checks.
//
// The key is a seed, or what `openssl genpkey -algorithm ed25519` writes, unencrypted; signatures are those of
// `openssl pkeyutl -sign -rawin`. Thread safety: const members from any thread. Errors:
// std::invalid_argument if the text is no such key, or the name no C2SP key name;
// std::runtime_error if OpenSSL fails. Trust: who holds the key: an auditor's is never on the host,
// a log's own (tpm/checkpoint_key.h) is root's too.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "attest/checkpoint.h"

namespace stele::attest {

class NoteSigner {
 public:
  NoteSigner(std::string_view pem, std::string name);
  NoteSigner(const Hash& seed, std::string name);
  ~NoteSigner();
  NoteSigner(NoteSigner&&) noexcept;

  const NoteKey& key() const { return key_; }
  // Precondition: text ends with LF and has no empty line.
  Note sign(std::string_view text) const;
  // The bare Ed25519 signature of any bytes, for formats that sign more than the text.
  Bytes sign_bytes(ByteView message) const;

 private:
  struct Key;
  NoteSigner(std::unique_ptr<Key> key, std::string name);
  std::unique_ptr<Key> private_key_;
  NoteKey key_;
};

}  // namespace stele::attest
