// Goal: family 34 of faults: the kinds of tampering that others tell of with real logs, each re-enacted
// on our format by somebody who may write every file and holds no key: changed, removed, missing, put
// in, doubled, exchanged, cut, wrongly linked, of another key, another log, another time. Each is found
// as tampering, and the same log untouched is verified.
// Method: one life of a log on paper; a list of named bends; the whole evidence judged after each.
// (Every bit and every position by brute force: tests/tamper.)
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/paper_log.h"
#include "tests/support/tally.h"

namespace stele::attest {
namespace {

using test::PaperLog;

// Offsets in a statement: README.md, "Statement".
constexpr std::size_t kSeq = 48, kTreeSize = 72, kRoot = 80, kChainHead = 112, kPrevExtend = 144,
                      kPrevReceipt = 176, kBundle = 208, kWallclock = 240, kResetSeen = 248;

// The number of the entry of this kind that is the n-th from 0.
std::size_t nth(const PaperLog& log, EntryKind kind, std::size_t n) {
  for (std::size_t i = 0; i < log.entries.size(); ++i) {
    if (log.entries[i].kind == static_cast<std::uint8_t>(kind) && n-- == 0) return i;
  }
  throw std::logic_error("no such entry");
}

void erase(PaperLog& log, std::size_t from, std::size_t count = 1) {
  const auto at = log.entries.begin() + static_cast<std::ptrdiff_t>(from);
  log.entries.erase(at, at + static_cast<std::ptrdiff_t>(count));
}

// The third statement: a counter or quote anchor with others before and behind it.
Bytes& statement_of(PaperLog& log) {
  return log.entries[nth(log, EntryKind::intent, 2)].payload;
}
Bytes& receipt_of(PaperLog& log, std::size_t n) {
  return log.entries[nth(log, EntryKind::receipt, n)].payload;
}

std::function<void(PaperLog&)> byte_of_statement(std::size_t offset) {
  return [offset](PaperLog& log) { statement_of(log)[offset + 3] ^= 1; };
}

// A leaf that fits what it is given, as anybody can make it.
void write_leaf(PaperLog::Record& record, Leaf leaf) {
  leaf.commitment = commit({record.salt, record.tlvs, record.bytes});
  const auto encoded = encode(leaf);
  record.leaf.assign(encoded.begin(), encoded.end());
}

struct Kind34 {
  const char* name;
  std::function<void(PaperLog&)> bend;
};

const std::vector<Kind34>& catalogue() {
  static const std::vector<Kind34> kinds = {
      {"a record's content changed", [](PaperLog& log) { log.records[3].bytes[0] ^= 1; }},
      {"changed, and its leaf made to fit",
       [](PaperLog& log) {
         PaperLog::Record& record = log.records[3];
         record.bytes = {'l', 'i', 'e'};
         write_leaf(record, decode_leaf(record.leaf).value());
       }},
      {"a record's date changed",
       [](PaperLog& log) {
         Leaf leaf = decode_leaf(log.records[3].leaf).value();
         leaf.time_ns -= 3'600'000'000'000;
         write_leaf(log.records[3], leaf);
       }},
      {"a record ascribed to another sender",
       [](PaperLog& log) {
         Leaf leaf = decode_leaf(log.records[3].leaf).value();
         leaf.source = 1;
         write_leaf(log.records[3], leaf);
       }},
      {"an event made a note of the daemon's",
       [](PaperLog& log) {
         Leaf leaf = decode_leaf(log.records[3].leaf).value();
         leaf.kind = Kind::note;
         write_leaf(log.records[3], leaf);
       }},
      {"a record removed", [](PaperLog& log) { log.records.erase(log.records.begin() + 3); }},
      {"a record put in",
       [](PaperLog& log) { log.records.insert(log.records.begin() + 3, log.records[5]); }},
      {"a record doubled",
       [](PaperLog& log) { log.records.insert(log.records.begin() + 4, log.records[3]); }},
      {"two records exchanged",
       [](PaperLog& log) { std::swap(log.records[2], log.records[3]); }},
      {"a record's content missing",
       [](PaperLog& log) { log.records[3].state = RecordView::State::missing; }},
      {"a record said to be erased",
       [](PaperLog& log) { log.records[3].state = RecordView::State::erased; }},
      {"the records cut below an anchor", [](PaperLog& log) { log.records.resize(4); }},
      {"all records gone", [](PaperLog& log) { log.records.clear(); }},
      {"the journal gone", [](PaperLog& log) { log.entries.clear(); }},
      {"an anchor removed whole",
       [](PaperLog& log) { erase(log, nth(log, EntryKind::intent, 2), 2); }},
      {"an anchor's statement removed",
       [](PaperLog& log) { erase(log, nth(log, EntryKind::intent, 2)); }},
      {"an anchor's receipt removed",
       [](PaperLog& log) { erase(log, nth(log, EntryKind::receipt, 2)); }},
      {"two receipts exchanged",
       [](PaperLog& log) { std::swap(receipt_of(log, 1), receipt_of(log, 2)); }},
      {"an anchor doubled",
       [](PaperLog& log) {
         const std::size_t at = nth(log, EntryKind::intent, 2);
         const PaperLog::Entry intent = log.entries[at], receipt = log.entries[at + 1];
         log.entries.insert(log.entries.begin() + static_cast<std::ptrdiff_t>(at) + 2,
                            {intent, receipt});
       }},
      {"a boot bundle removed",
       [](PaperLog& log) { erase(log, nth(log, EntryKind::bundle, 1)); }},
      {"a boot told as another one",
       [](PaperLog& log) {
         std::swap(log.entries[nth(log, EntryKind::bundle, 0)],
                   log.entries[nth(log, EntryKind::bundle, 1)]);
       }},
      {"another number of an anchor", byte_of_statement(kSeq)},
      {"another size", byte_of_statement(kTreeSize)},
      {"another root", byte_of_statement(kRoot)},
      {"a wrong link to the statement before", byte_of_statement(kChainHead)},
      {"a wrong link to E before", byte_of_statement(kPrevExtend)},
      {"a wrong link to the receipt before", byte_of_statement(kPrevReceipt)},
      {"a wrong link to the boot", byte_of_statement(kBundle)},
      {"another time of an anchor", byte_of_statement(kWallclock)},
      {"another run of the TPM", byte_of_statement(kResetSeen)},
      {"a signature changed", [](PaperLog& log) { receipt_of(log, 1).back() ^= 1; }},
      {"a receipt by another key",
       [](PaperLog& log) {
         const Receipt receipt = decode_receipt(receipt_of(log, 1)).value();
         const test::PaperTpm other;
         Receipt forged = receipt;
         if (forged.audit)
           forged.audit->signed_attestation = other.sign(forged.audit->signed_attestation.attest);
         if (forged.quote)
           forged.quote->signed_attestation = other.sign(forged.quote->signed_attestation.attest);
         receipt_of(log, 1) = encode(forged);
       }},
      {"another log under this name",
       [](PaperLog& log) {
         const TrustFile pinned = log.trust;
         log = test::lived();
         log.trust = pinned;
       }},
  };
  return kinds;
}

TEST(Family34, EveryKindOfTamperingInTheCatalogueIsFoundAndTheLogItselfIsVerified) {
  test::Tally tally;
  for (const Kind34& kind : catalogue()) {
    PaperLog log = test::lived();
    ++tally.injected;
    tally.false_alarms += log.appraise().conclusion != Conclusion::verified;
    kind.bend(log);
    const Report report = log.appraise();
    tally.missed += report.conclusion != Conclusion::tampered;
    EXPECT_EQ(report.conclusion, Conclusion::tampered) << kind.name << '\n' << to_text(report);
  }
  EXPECT_GE(tally.injected, 24u);
  tally.report(34, "kinds of tampering with a log, by somebody who holds no key");
}

}  // namespace
}  // namespace stele::attest
