// Goal: what was lost, and how far the input that lost it has counted, become records of one group,
// the position behind or with all that it counts. Method: a drop ledger, what it gives out, and the
// records of that.
#include "daemon/gap_records.h"

#include <gtest/gtest.h>

#include "daemon/ingest/position.h"

namespace stele::daemon {
namespace {

const auto kListener = std::make_shared<const std::string>(R"({"listener":"one"})");
const auto kOtherListener = std::make_shared<const std::string>(R"({"listener":"two"})");

attest::Gap kernel_drop(std::uint64_t lost) {
  return {lost, "kernel_drop", attest::GapSpan{1000, 2000}};
}

// As "kind:content position", the position without its input's name.
std::vector<std::string> texts_of(DropLedger& ledger) {
  std::vector<std::string> out;
  for (const GapRecord& record : gap_records(ledger.take(), 3000)) {
    const auto position = position_in(record.tlvs, "udp-drops");
    out.push_back(std::string(attest::name(record.kind)) + ":" + record.content +
                  (position ? " " + std::string(*position) : std::string()));
    EXPECT_EQ(record.time_ns, record.kind == attest::Kind::gap ? 2000 : 3000);
    EXPECT_EQ(record.source != nullptr, record.kind == attest::Kind::gap);
  }
  return out;
}

const std::string kThree =
    R"(gap:{"lost":3,"reason":"kernel_drop","since_ns":1000,"until_ns":2000})";
const std::string kSeven =
    R"(gap:{"lost":7,"reason":"kernel_drop","since_ns":1000,"until_ns":2000})";
const std::string kNote = R"(note:{"note":"position","input":"udp-drops"})";

TEST(GapRecords, WithoutAPositionEachLossIsARecord) {
  DropLedger ledger;
  EXPECT_TRUE(texts_of(ledger).empty());
  ledger.add(kListener, kernel_drop(3));
  ledger.add(kOtherListener, kernel_drop(7));
  EXPECT_EQ(texts_of(ledger), (std::vector<std::string>{kThree, kSeven}));
  EXPECT_TRUE(ledger.empty());
}

// Whatever the order of the accounts is: the newest position of the log is the one that counts all
// of them.
TEST(GapRecords, TheNewestPositionStandsBehindAllThatItCounts) {
  DropLedger ledger;
  ledger.add(kOtherListener, kernel_drop(7), DropLedger::Position{"udp-drops", "two=7"});
  ledger.add(kListener, kernel_drop(3), DropLedger::Position{"udp-drops", "one=3,two=7"});
  EXPECT_EQ(texts_of(ledger), (std::vector<std::string>{kThree, kSeven + " one=3,two=7"}));
  EXPECT_TRUE(texts_of(ledger).empty());
}

TEST(GapRecords, APositionWithoutALossIsANote) {
  DropLedger ledger;
  EXPECT_TRUE(ledger.empty());
  ledger.state({"udp-drops", "one=3"});
  EXPECT_FALSE(ledger.empty());
  ledger.state({"udp-drops", "one=3,two=0"});
  EXPECT_TRUE(ledger.totals().empty());
  EXPECT_EQ(texts_of(ledger), (std::vector<std::string>{kNote + " one=3,two=0"}));
  EXPECT_TRUE(ledger.empty());
}

TEST(GapRecords, AnotherInputsPositionIsARecordOfItsOwn) {
  DropLedger ledger;
  ledger.add(kListener, kernel_drop(3), DropLedger::Position{"another", "five"});
  ledger.state({"udp-drops", "one=3"});
  EXPECT_EQ(texts_of(ledger), (std::vector<std::string>{kThree, kNote + " one=3"}));
}

}  // namespace
}  // namespace stele::daemon
