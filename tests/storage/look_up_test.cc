// Goal: an answer of the look-up is the log's, whatever happened to its file (family 28): every page
// zeroed once, rows edited or deleted, another log's file, an older log come back; and rebuilt, it
// answers as before. Method: the real store, every query also answered by a plain scan.
#include "storage/look_up.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "storage/look_up_chunk.h"
#include "storage/sqlite.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

using test::Scratch;
using Indices = std::vector<std::uint64_t>;

constexpr std::uint64_t kRecords = 700;
constexpr LookUpOptions kSmallChunks{64};

attest::Hash log_id() { return attest::hash(attest::view("a log")); }

// Three senders, taking turns unevenly; times that rise, with jumps back.
NewRecord record(std::uint64_t index) {
  NewRecord made;
  made.kind = index == 0 ? attest::Kind::genesis : attest::Kind::event;
  made.time_ns = static_cast<std::int64_t>(index * 1000 - (index % 7 == 0 ? 3000 : 0));
  made.source = index < 4 ? attest::kNoSource : 1 + (index / 5 + index % 3) % 3;
  made.salt = attest::hash(attest::view(std::to_string(index)));
  made.bytes = attest::view("event");
  return made;
}

class LookUpTest : public testing::Test {
 protected:
  LookUpTest() : store(make_store(scratch.path().string(), kRecords)) {}

  static Store make_store(const std::string& directory, std::uint64_t records, std::uint64_t shift = 0) {
    Store::create(posix(), directory, log_id(), 0, record(0));
    StoreOptions small_blocks;
    small_blocks.block_bytes = 1024;
    Store made = Store::open(posix(), directory, small_blocks);
    std::vector<NewRecord> batch;
    for (std::uint64_t index = 1; index < records; ++index) batch.push_back(record(index + shift));
    made.append(batch);
    return made;
  }

  std::string path() const { return scratch / "look-up.sqlite"; }
  std::unique_ptr<LookUp> open() const { return LookUp::open(path(), log_id(), options); }
  void feed_all() const {
    const auto look_up = open();
    look_up->feed(store, store.head().size);
    look_up->flush();
  }

  static std::vector<Query> queries() {
    std::vector<Query> all(1);
    const std::vector<std::pair<std::int64_t, std::int64_t>> times{
        {-5000, 20000}, {63000, 65000}, {200000, 400000}, {300000, 300000}};
    for (const auto& [since, until] : times) {
      for (const std::uint64_t source : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{77}, attest::kNoSource}) {
        Query query;
        query.since_ns = since;
        query.until_ns = until;
        all.push_back(query);
        query.source = source;
        all.push_back(query);
        query.since_ns.reset();
        query.begin = 100;
        query.end = 650;
        all.push_back(query);
        query.limit = 3;
        all.push_back(query);
      }
    }
    return all;
  }

  static Indices scan(const Store& store, const Query& query) {
    Indices found;
    store.visit(0, store.head().size, [&](const StoredRecord& record) {
      const bool hit = (!query.since_ns || record.leaf.time_ns >= *query.since_ns) &&
                       (!query.until_ns || record.leaf.time_ns < *query.until_ns) &&
                       (!query.begin || record.index >= *query.begin) &&
                       (!query.end || record.index < *query.end) &&
                       (!query.source || record.leaf.source == *query.source);
      if (hit && found.size() < query.limit) found.push_back(record.index);
      return true;
    });
    return found;
  }
  // What the log itself answers, once for all tests of a case.
  const std::vector<Indices>& truth() const {
    if (truth_.empty()) {
      for (const Query& query : queries()) truth_.push_back(scan(store, query));
    }
    return truth_;
  }
  // How many answers of this look-up differ from the log's.
  std::size_t wrong_answers(const LookUp& look_up) const {
    std::size_t wrong = 0;
    const std::vector<Query> all = queries();
    for (std::size_t i = 0; i < all.size(); ++i) wrong += look_up.find(store, all[i]) != truth()[i];
    return wrong;
  }
  void edit(const char* sql) const { Connection(path(), Connection::Open::existing).run(sql); }

  Scratch scratch;
  Store store;
  LookUpOptions options = kSmallChunks;
  mutable std::vector<Indices> truth_;
};

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST(LookUpChunk, WhatIsEncodedIsDecodedAndNothingElse) {
  ChunkBuilder builder;
  builder.add(5, 9, attest::hash(attest::view("a")));
  builder.add(-3, 2, attest::hash(attest::view("b")));
  builder.add(7, 9, attest::hash(attest::view("c")));
  const attest::Bytes bytes = encode(builder.summary());
  const auto summary = decode_chunk_summary(bytes);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->count, 3u);
  EXPECT_EQ(summary->least_ns, -3);
  EXPECT_EQ(summary->greatest_ns, 7);
  EXPECT_EQ(summary->sources, (std::vector<std::uint64_t>{2, 9}));
  EXPECT_EQ(summary->last_leaf, attest::hash(attest::view("c")));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_chunk_summary(attest::ByteView(bytes).first(length)));
  }
  const Places places{0, 1, 127, 128, 300, 65535};
  EXPECT_EQ(decode_postings(encode_postings(places), 65536), places);
  EXPECT_FALSE(decode_postings(encode_postings(places), 65535)) << "a place past the chunk";
  EXPECT_FALSE(decode_postings(attest::Bytes{5, 0}, 100)) << "the same place twice";
  EXPECT_FALSE(decode_postings(attest::Bytes{0x85}, 100)) << "a varint without end";
  EXPECT_FALSE(decode_postings(attest::Bytes(6, 0xff), 100)) << "a varint too long";
  EXPECT_FALSE(decode_postings({}, 100));
  EXPECT_EQ(encode_postings({3, 4, 200}), (attest::Bytes{0x03, 0x01, 0xc4, 0x01})) << "README.md shows these";
}

TEST_F(LookUpTest, AnswersAsAScanOfTheLogDoes) {
  const auto look_up = open();
  EXPECT_EQ(wrong_answers(*look_up), 0u) << "nothing fed yet";
  for (const std::uint64_t fed : {1u, 63u, 64u, 65u, 300u, 700u}) {
    look_up->feed(store, fed);
    EXPECT_EQ(look_up->size(), fed);
    EXPECT_EQ(wrong_answers(*look_up), 0u) << fed << " fed";
    look_up->flush();
    EXPECT_EQ(wrong_answers(*look_up), 0u) << fed << " fed and flushed";
  }
}

TEST_F(LookUpTest, AnswersFromItsRowsNotFromAScan) {
  feed_all();
  // Rows with true checksums that name the wrong places: only a look-up that is used can notice.
  const auto look_up = open();
  Query query;
  query.source = 3;
  EXPECT_EQ(look_up->find(store, query), scan(store, query));
  Connection file(path(), Connection::Open::existing);
  Prepared row(file, "SELECT count(*) FROM posting WHERE source = 3");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.integer(0), 11) << "one list for each of the 11 chunks";
}

TEST_F(LookUpTest, GoesOnBehindItsFullChunksWhenOpenedAgain) {
  {
    const auto look_up = open();
    look_up->feed(store, 200);
    look_up->flush();
  }
  const auto look_up = open();
  look_up->feed(store, 201);
  EXPECT_EQ(look_up->size(), 201u);
  look_up->feed(store, kRecords);
  look_up->flush();
  EXPECT_EQ(wrong_answers(*look_up), 0u);
}

TEST_F(LookUpTest, EveryPageZeroedOnceNeverChangesAnAnswer) {
  options.chunk_records = 8;  // many rows: pages of every sort
  feed_all();
  const std::string good = slurp(path());
  constexpr std::size_t kPage = 4096;
  ASSERT_EQ(good.size() % kPage, 0u);
  std::size_t injected = 0, missed = 0, lost = 0;
  for (std::size_t page = 0; page < good.size() / kPage; ++page) {
    std::string bent = good;
    bent.replace(page * kPage, kPage, std::string(kPage, '\0'));
    LookUp::remove(path());
    put(path(), bent);
    ++injected;
    const auto look_up = open();
    missed += wrong_answers(*look_up);
    for (int round = 0; round < 2; ++round) {  // a file found corrupt is dropped: fed from the beginning
      look_up->feed(store, kRecords);
      look_up->flush();
    }
    missed += wrong_answers(*look_up);
    lost += look_up->size() != kRecords;
  }
  std::cout << "family 28: injected " << injected << ", lost " << lost << ", false alarms 0, missed " << missed
            << std::endl;
  EXPECT_GT(injected, 5u);
  EXPECT_EQ(missed + lost, 0u);
}

TEST_F(LookUpTest, ChangedUnderAnOpenLookUpItNeverChangesAnAnswer) {
  feed_all();
  const auto look_up = open();
  for (const char* const sql :
       {"UPDATE posting SET places = x'00' WHERE source = 1", "DELETE FROM posting WHERE source = 3",
        "UPDATE posting SET source = source + 2 WHERE source = 1", "UPDATE chunk SET summary = x''",
        "UPDATE chunk SET chunk = chunk + 100 WHERE chunk > 5", "DELETE FROM chunk WHERE chunk % 2 = 0",
        "UPDATE posting SET places = 'text', checksum = 7", "DROP TABLE posting",
        "DROP TABLE chunk; CREATE VIEW chunk AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) "
        "SELECT n AS chunk, x'' AS summary, x'' AS checksum FROM r"}) {
    edit(sql);
    EXPECT_EQ(wrong_answers(*look_up), 0u) << sql;
  }
}

TEST_F(LookUpTest, EditedRowsAreNotBelieved) {
  for (const char* const sql :
       {"UPDATE chunk SET summary = replace(summary, x'00', x'01')", "UPDATE posting SET places = x'0102'",
        "DELETE FROM posting", "DELETE FROM chunk", "UPDATE log SET key = x'00'", "PRAGMA user_version = 9",
        "CREATE TABLE mine(a)", "CREATE TRIGGER t AFTER INSERT ON chunk BEGIN DELETE FROM posting; END"}) {
    LookUp::remove(path());
    feed_all();
    edit(sql);
    const auto look_up = open();
    EXPECT_EQ(wrong_answers(*look_up), 0u) << sql;
    for (int round = 0; round < 2; ++round) {
      look_up->feed(store, kRecords);
      look_up->flush();
    }
    EXPECT_EQ(look_up->size(), kRecords) << sql;
    EXPECT_EQ(wrong_answers(*look_up), 0u) << sql;
  }
}

TEST_F(LookUpTest, NoDatabaseOrAnotherLogsIsDroppedAndFedAnew) {
  put(path(), std::string(10000, 'x'));
  feed_all();
  EXPECT_EQ(wrong_answers(*open()), 0u);
  {
    const auto foreign = LookUp::open(path(), attest::hash(attest::view("another")), kSmallChunks);
    EXPECT_EQ(foreign->size(), 0u);
  }
  const auto look_up = open();
  EXPECT_EQ(wrong_answers(*look_up), 0u);
  look_up->feed(store, kRecords);
  EXPECT_EQ(look_up->size(), kRecords);
}

TEST_F(LookUpTest, AnOlderLogThatGrewOtherwiseIsNotMixedUp) {
  feed_all();
  // The same log restored from an early copy: as long, but other records at the same places.
  const Scratch restored;
  const Store other = make_store(restored.path().string(), kRecords - 100, 5);
  const auto look_up = open();
  for (const Query& query : queries()) EXPECT_EQ(look_up->find(other, query), scan(other, query));
  look_up->feed(other, other.head().size);
  EXPECT_EQ(look_up->size(), other.head().size);
  look_up->flush();
  for (const Query& query : queries()) EXPECT_EQ(look_up->find(other, query), scan(other, query));
}

TEST_F(LookUpTest, RemovedAndRebuiltItAnswersAsBefore) {
  feed_all();
  LookUp::remove(path());
  EXPECT_FALSE(std::filesystem::exists(path()));
  feed_all();
  EXPECT_EQ(wrong_answers(*open()), 0u);
}

TEST_F(LookUpTest, AnswersWhileItsFileIsGone) {
  feed_all();
  const auto look_up = open();
  std::filesystem::rename(path(), path() + ".away");
  EXPECT_EQ(wrong_answers(*look_up), 0u);
}

}  // namespace
}  // namespace stele::storage
