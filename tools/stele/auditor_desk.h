// What an auditor brings to a challenge: the trust file, the policy of witnesses, what is remembered
// of the log, and the signed halves of what was accepted.
//
//   MEMORY   stele-memory, the file that stele-verify --memory reads and writes too; the halves
//            beside it: tools/stele_verify/kept_halves.h
//
// Thread safety: one thread. Errors: CommandError 65 where a file is not what it should be;
// std::system_error. Durability: remember() replaces each file whole, the memory last; a half that
// is not the memory's is not used. Trust: all of it is the auditor's own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/appraiser.h"
#include "tools/stele_verify/kept_halves.h"

namespace stele::tools {

class AuditorDesk {
 public:
  // auditor_key, policy, memory: paths; empty: none.
  AuditorDesk(const std::string& trust, const std::string& auditor_key, const std::string& policy,
              std::string memory);
  const std::optional<attest::Policy>& policy() const { return policy_; }  // of witnesses
  const std::string& policy_text() const { return policy_text_; }
  // The trust file has rules for what boots measured.
  bool needs_boot_logs() const;
  const attest::TrustFile& trust() const { return trust_; }
  const std::string& trust_text() const { return trust_text_; }
  bool eras_approved() const { return eras_approved_; }
  const std::optional<attest::Memory>& memory() const { return memory_; }
  const std::optional<SignedHalf>& half() const { return halves_.newest; }  // of the memory
  std::vector<SignedHalf> halves() const;                                   // all that are kept
  // Writes what was verified; the halves: of that statement and its counter anchor, or nothing new.
  void remember(const attest::Memory& memory, KeptHalves shown);

 private:
  void read_memory();

  const std::string memory_path_;
  std::string trust_text_;
  attest::TrustFile trust_;
  bool eras_approved_ = false;
  std::string policy_text_;
  std::optional<attest::Policy> policy_;
  std::optional<attest::Memory> memory_;
  KeptHalves halves_;
};

}  // namespace stele::tools
