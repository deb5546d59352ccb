// The data directory while a log is being made: what an earlier attempt kept there, and keeping
// more.
//
// Files, in the order in which they become durable: secrets (0600), journal with the genesis,
// segments with record 0, the genesis receipt in the journal, trust. Each appears whole or not at
// all. Thread safety: none. Blocks: each call, until durable. Errors: CommandError 73 (something
// else lives there), 75 (a daemon or another attempt holds it), 78 (files of ours that do not fit
// together); std::system_error.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "attest/genesis.h"
#include "storage/file_system.h"

namespace stele::tools {

class LogDirectory {
 public:
  // Looks, changes nothing.
  explicit LogDirectory(std::string path);
  const std::string& path() const { return path_; }
  const std::optional<attest::Bytes>& genesis() const { return genesis_; }
  const std::optional<attest::Bytes>& genesis_receipt() const { return genesis_receipt_; }
  const std::optional<std::string>& secrets() const { return secrets_; }
  const std::optional<std::string>& trust() const { return trust_; }
  // Every file that provisioning makes is there.
  bool is_complete() const;

  // Makes the directory if it is not there, locks it and looks again; false: somebody holds it.
  bool lock();
  void keep_secrets(const std::string& text);
  void keep_genesis(const attest::Bytes& genesis);  // and record 0
  void keep_genesis_receipt(const attest::Bytes& receipt);
  void keep_trust(const std::string& text);
  // A record of kind access, right behind the newest. Precondition: locked, with a store.
  void keep_access(const std::string& text);
  void keep_verifier_key(const std::string& name, const std::string& verifier_key);

  // Removes what is ours, and the directory if nothing else is in it. Precondition: locked.
  void purge();

 private:
  void look();
  void read_journal();
  void make_store(const attest::Genesis& genesis, const attest::Bytes& encoded);

  std::string path_;
  std::unique_ptr<storage::Lock> lock_;
  std::optional<attest::Bytes> genesis_, genesis_receipt_;
  std::optional<std::string> secrets_, trust_;
};

// 32 bytes from the kernel.
attest::Hash random_bytes();
std::string read_text_file(const std::string& path);  // CommandError 66 if there is none
std::optional<std::string> read_if_there(const std::string& path);
// The text at this path, whole or not at all, durable on return; 0600.
void write_text_file(const std::string& path, const std::string& text);

}  // namespace stele::tools
