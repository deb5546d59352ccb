#include "tests/daemon/stranger.h"

#include "storage/store_reader.h"

namespace stele::test {

std::string Stranger::catch_up() {
  storage::EntryReader entries(storage::posix(), host_.config.data);
  while (const auto entry = entries.next()) {
    if (entry->number < read_) continue;
    ++read_;
    if (!chain_) {
      chain_ = *attest::AnchorChain::begin(entry->payload, host_.credentials().identity);
      continue;
    }
    const auto applied = chain_->apply(attest::EntryKind{entry->kind}, entry->payload);
    if (!applied) {
      return "entry " + std::to_string(entry->number) + ": " +
             std::string(name(applied.error().fault)) + " " + applied.error().detail;
    }
    if (applied->remark) remarks.push_back(*applied->remark);
    if (applied->receipt && applied->statement) ++receipts;
  }
  if (entries.torn() || entries.defect()) return "the journal's end is torn or damaged";
  return {};
}

}  // namespace stele::test
