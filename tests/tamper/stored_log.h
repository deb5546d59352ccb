// A whole log on paper: the real store and journal, anchored by a paper TPM as the daemon would.
//
// Time stands still but for wait(); the wall clock follows the TPM's. Registers of `tpm` are public.
// Thread safety: one thread. Errors: throws; a chain that refuses its own entry is a std::logic_error.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attest/anchor_chain.h"
#include "attest/answer.h"
#include "attest/trust.h"
#include "storage/journal.h"
#include "storage/store.h"
#include "tests/support/paper_tpm.h"

namespace stele::test {

struct StoredLogOptions {
  attest::Mode mode = attest::Mode::a;
  std::string origin = "paper.example/log";
  storage::StoreOptions store;
  storage::JournalOptions journal;
};

class StoredLog {
 public:
  // Provisions and begins a log in a directory that exists: genesis, genesis receipt.
  StoredLog(const std::string& directory, StoredLogOptions options = {});

  void boot();                                        // a bundle: a daemon start
  // One that names a firmware event log.
  void boot(const attest::Hash& event_log, std::uint64_t bytes);
  void append(const std::vector<std::string>& events);  // one commit group
  void append(attest::Kind kind, const std::string& content);
  void counter_anchor(std::uint16_t flags = 0);
  void quote_anchor();
  void wait(std::uint64_t ms) { tpm.clock_ms += ms; }
  attest::Bytes answer(const attest::Hash& nonce) const;
  attest::TrustFile trust() const;
  std::uint64_t size() const { return store_->head().size; }
  const storage::Store& store() const { return *store_; }

  PaperTpm tpm;

 private:
  std::int64_t now_ns() const;
  void append_record(attest::Kind kind, const std::vector<std::string>& contents);
  void enter(attest::EntryKind kind, const attest::Bytes& payload);

  StoredLogOptions options_;
  attest::Bytes genesis_;
  std::uint64_t salts_ = 0;
  std::uint8_t boots_ = 0;
  std::uint64_t first_counter_ = 0;
  attest::Run base_;
  std::optional<storage::Store> store_;
  std::optional<storage::Journal> journal_;
  std::optional<attest::AnchorChain> chain_;
};

}  // namespace stele::test
