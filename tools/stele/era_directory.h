// The data directory while one era ends and the next begins: where the old one stands, what an
// attempt has kept, and the step from one to the other.
//
//   era            the next genesis and its receipt, while the TPM is made ready:
//                  stele-era 1 LF · genesis HEX LF · receipt HEX|none LF
//   era-secrets    0600, what will be `secrets`
//   ended-secrets  0600, what was `secrets`: opens the ended era's objects until `stele era finish`
// Journal and segments are touched by publish() alone, when everything in the TPM is done.
// Thread safety: none. Blocks: each call, until durable. Errors: CommandError 1 (a journal that
// makes no sense), 66, 75, 78; storage::Damage; std::system_error.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "attest/era.h"
#include "storage/file_system.h"

namespace stele::tools {

// Where an era stands that is to end.
struct EndingEra {
  attest::TrustFile trust;
  attest::EraEnd end;          // what it shows is for the TPM to say
  attest::TreeHead tree;       // its records; none: the store is lost
  std::uint64_t anchored = 0;  // records under its newest counter anchor
};

class EraDirectory {
 public:
  struct Pending {
    attest::Bytes genesis;
    std::optional<attest::Bytes> receipt;
  };

  explicit EraDirectory(std::string path) : path_(std::move(path)) {}
  // Makes the directory if it is not there; false: somebody holds it.
  bool lock();
  bool holds_store() const;
  // Replays the newest era's journal. previous_trust: in place of DIR/trust; needed where the store
  // is lost. settle: recovers journal and segments first, as a start of the daemon would.
  EndingEra ending(const std::optional<std::string>& previous_trust, bool settle);
  // The newest genesis of the journal; nothing where there is no store.
  std::optional<attest::Bytes> newest_genesis() const;

  std::optional<std::string> secrets() const;
  std::optional<std::string> next_secrets() const;
  std::optional<std::string> ended_secrets() const;
  std::optional<Pending> pending() const;
  void keep_next_secrets(const std::string& text);
  void keep_pending(const Pending& pending);
  void abandon();  // the attempt; not once it is published
  bool is_published(const Pending& pending) const;
  // From one era to the next; may be interrupted anywhere and called again.
  void publish(const Pending& pending, const std::string& trust);

  std::string trust() const;
  void keep_trust(const std::string& text);
  void forget_ended();
  // A record of kind access, right behind the newest: its index. Precondition: locked, with a
  // store.
  std::uint64_t keep_access(const std::string& text);

 private:
  void publish_journal(const Pending& pending, const attest::Hash& log_id);
  void publish_records(const Pending& pending, const attest::Genesis& genesis,
                       const attest::Hash& log_id);
  void publish_secrets();

  std::string path_;
  std::unique_ptr<storage::Lock> lock_;
};

}  // namespace stele::tools
