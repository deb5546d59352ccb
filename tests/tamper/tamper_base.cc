#include "tests/tamper/tamper_base.h"

#include "storage/store_reader.h"
#include "tests/support/scratch.h"
#include "tests/tamper/stored_log.h"

namespace stele::test {

namespace {

struct Made {
  attest::TrustFile trust;
  std::uint64_t anchored = 0;
};

Made make_log(const std::string& directory, const std::string& who) {
  StoredLogOptions options;
  options.store.segment_records = 4;
  options.journal.file_bytes = 2000;
  StoredLog log(directory, options);
  log.boot();
  log.counter_anchor();
  log.append({who + " 2", who + " 3"});
  log.wait(1000);
  log.quote_anchor();
  log.append({who + " 4"});
  log.append({who + " 5", who + " 6"});
  log.wait(1000);
  log.quote_anchor();
  log.counter_anchor(attest::kHeartbeat);
  log.append({who + " 7"});
  log.wait(1000);
  log.quote_anchor();
  const Made made{log.trust(), log.size()};
  log.append({who + " 8"});
  log.append({who + " 9", who + " 10"});
  return made;
}

TamperBase make_base() {
  TamperBase base;
  const Scratch good, other;
  const Made made = make_log(good.path().string(), "event");
  make_log(other.path().string(), "other");
  base.trust = made.trust;
  base.anchored = made.anchored;
  base.files = MemoryFiles::load(good.path().string());
  base.paper = PaperStore::read(good.path().string());
  base.foreign_files = MemoryFiles::load(other.path().string());
  base.foreign = PaperStore::read(other.path().string());
  attest::CompactRange range;
  base.roots.push_back(range.head().root);
  for (const PaperRecord* const record : base.paper.records()) {
    range.append(attest::leaf_hash(attest::encode(record->leaf)));
    base.roots.push_back(range.head().root);
  }
  return base;
}

}  // namespace

const TamperBase& tamper_base() {
  static const TamperBase base = make_base();
  return base;
}

attest::Report appraise(MemoryFiles& files, const attest::TrustFile& trust) {
  attest::Options options;
  options.trust = trust;
  attest::Appraiser appraiser(std::move(options));
  storage::present(files, MemoryFiles::kDirectory, appraiser, 1, {});
  return appraiser.report();
}

}  // namespace stele::test
