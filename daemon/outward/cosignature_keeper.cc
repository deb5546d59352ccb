#include "daemon/outward/cosignature_keeper.h"

#include <algorithm>

#include "daemon/log.h"
#include "storage/whole_file.h"

namespace stele::daemon {

CosignatureKeeper::CosignatureKeeper(const std::string& directory)
    : path_(directory + "/cosignatures") {
  storage::FileSystem& files = storage::posix();
  const auto text = storage::read_whole(files, path_, attest::kMaxCosignedBytes);
  if (!text) return;
  auto heads = attest::parse_cosigned_heads(*text);
  if (heads) {
    heads_ = *std::move(heads);
    return;
  }
  log(Priority::warning, path_ + " cannot be read (" + heads.error().detail +
                             "): put aside as cosignatures.unreadable, witnesses are asked anew");
  files.rename(path_, path_ + ".unreadable");
}

void CosignatureKeeper::keep(const attest::Note& note) {
  if (!attest::add_cosigned(heads_, note)) {
    // Ours is another head at that size: of a store that was put back since.
    const auto size = attest::parse_checkpoint(note.text)->tree.size;
    std::erase_if(heads_, [&](const auto& head) { return head.checkpoint.tree.size >= size; });
    attest::add_cosigned(heads_, note);
  }
  storage::replace_whole(storage::posix(), path_, to_text(heads_));
}

std::optional<attest::TreeHead> CosignatureKeeper::newest(const attest::NoteKey& witness) const {
  const auto by_it = [&](const attest::CosignedHead& head) {
    return std::any_of(head.note.signatures.begin(), head.note.signatures.end(),
                       [&](const auto& line) {
                         return line.name == witness.name && line.key_hash == witness.key_hash;
                       });
  };
  const auto found = std::find_if(heads_.rbegin(), heads_.rend(), by_it);
  if (found == heads_.rend()) return std::nullopt;
  return found->checkpoint.tree;
}

}  // namespace stele::daemon
