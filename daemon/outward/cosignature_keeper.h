// DIR/cosignatures of a running daemon: read at the start, replaced whole with each cosignature.
//
// Thread safety: one thread. Blocks: keep(). Errors: std::system_error. Durability: what keep()
// returned for is durable. See: attest/witness/cosigned_heads.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/witness/cosigned_heads.h"

namespace stele::daemon {

class CosignatureKeeper {
 public:
  // A file that cannot be read is put aside as cosignatures.unreadable, and said.
  explicit CosignatureKeeper(const std::string& directory);
  void keep(const attest::Note& note);
  // The largest head that this witness signed.
  std::optional<attest::TreeHead> newest(const attest::NoteKey& witness) const;

 private:
  std::string path_;
  std::vector<attest::CosignedHead> heads_;
};

}  // namespace stele::daemon
