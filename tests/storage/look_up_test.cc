// Goal: an answer of the look-up is the log's, whatever happened to its file (family 28): every page
// zeroed once, rows edited or deleted, another log's file, an older log come back; and rebuilt, it
// answers as before. Method: the real store, every query, for times, sources, terms and bytes, also
// answered by a plain scan.
#include "storage/look_up.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "storage/look_up_builder.h"
#include "storage/sqlite.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

using test::Scratch;
using Indices = std::vector<std::uint64_t>;

constexpr std::uint64_t kRecords = 700;
constexpr LookUpOptions kSmallChunks{64};

attest::Hash log_id() { return attest::hash(attest::view("a log")); }

// Five who act, each act of its own name, and on every third something: few values, all different ones, none.
const std::string& content(std::uint64_t index) {
  static const std::vector<std::string> contents = [] {
    std::vector<std::string> made;
    for (std::uint64_t i = 0; i < 2 * kRecords; ++i) {
      made.push_back("Actor" + std::to_string(i * i % 5) + " act" + std::to_string(i) + (i % 3 == 0 ? " Thing" : " -"));
    }
    return made;
  }();
  return contents.at(index);
}

// Three senders, taking turns unevenly; times that rise, with jumps back.
NewRecord record(std::uint64_t index) {
  NewRecord made;
  made.kind = index == 0 ? attest::Kind::genesis : attest::Kind::event;
  made.time_ns = static_cast<std::int64_t>(index * 1000 - (index % 7 == 0 ? 3000 : 0));
  made.source = index < 4 ? attest::kNoSource : 1 + (index / 5 + index % 3) % 3;
  made.salt = attest::hash(attest::view(std::to_string(index)));
  made.bytes = attest::view(content(index));
  return made;
}

// The words of a content are its terms; "-" is none.
void read_words(const StoredRecord& record, Terms& terms) {
  terms = {};
  std::string_view rest(reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size());
  for (std::size_t field = 0; field < 3 && !rest.empty(); ++field) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (word != "-") terms[field] = word;
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
}

TermReader words() { return {read_words, attest::hash(attest::view("words"))}; }

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
  std::unique_ptr<LookUp> open() const { return LookUp::open(path(), log_id(), words(), options); }
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
    const std::vector<std::array<const char*, 3>> terms{{"actor1", nullptr, nullptr}, {"ACTOR4", nullptr, "thing"},
                                                        {nullptr, "act321", nullptr}, {nullptr, "act699", nullptr},
                                                        {"Actor0", "act10", nullptr}, {"nobody", nullptr, nullptr},
                                                        {nullptr, nullptr, "Thing"},  {"", nullptr, nullptr},
                                                        {nullptr, nullptr, "-"},      {nullptr, "act1", nullptr}};
    for (const auto& wanted : terms) {
      Query query;
      for (std::size_t i = 0; i < 3; ++i) {
        if (wanted[i]) query.terms[i] = wanted[i];
      }
      all.push_back(query);
      query.begin = 60;
      query.end = 650;
      query.source = 2;
      all.push_back(query);
      query.source.reset();
      query.limit = 2;
      all.push_back(query);
      query.grep = "7";
      query.since_ns = 100000;
      all.push_back(query);
    }
    return all;
  }

  static bool has_words(const StoredRecord& record, const Query& query) {
    const std::string text(record.bytes.begin(), record.bytes.end());
    std::istringstream words(text);
    for (std::size_t i = 0; i < 3; ++i) {
      std::string word;
      words >> word;
      std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
      if (!query.terms[i]) continue;
      std::string wanted = *query.terms[i];
      std::transform(wanted.begin(), wanted.end(), wanted.begin(), [](unsigned char c) { return std::tolower(c); });
      if (word == "-" || word != wanted) return false;
    }
    return text.find(query.grep) != std::string::npos;
  }

  static Indices scan(const Store& store, const Query& query) {
    Indices found;
    store.visit(0, store.head().size, [&](const StoredRecord& record) {
      const bool hit = (!query.since_ns || record.leaf.time_ns >= *query.since_ns) &&
                       (!query.until_ns || record.leaf.time_ns < *query.until_ns) &&
                       (!query.begin || record.index >= *query.begin) &&
                       (!query.end || record.index < *query.end) &&
                       (!query.source || record.leaf.source == *query.source) && has_words(record, query);
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
    for (std::size_t i = 0; i < all.size(); ++i) wrong += look_up.find(store, all[i]).indices != truth()[i];
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
  builder.add(5, 9, attest::view("a"));
  builder.add(-3, 2, attest::view("b"));
  builder.add(7, 9, attest::view("c"));
  builder.add_term(4, 99);
  const attest::Bytes bytes = encode(builder.summary(builder.term_rows()));
  const auto summary = decode_chunk_summary(bytes);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->count, 3u);
  EXPECT_EQ(summary->least_ns, -3);
  EXPECT_EQ(summary->greatest_ns, 7);
  EXPECT_EQ(summary->sources, (std::vector<std::uint64_t>{2, 9}));
  EXPECT_EQ(summary->last_leaf, attest::leaf_hash(attest::view("c")));
  EXPECT_EQ(summary->term_rows, (std::array<std::uint16_t, kTermFields>{0, 0, 0, 0, 1, 0}));
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

TEST_F(LookUpTest, AnswersForSourcesFromItsRowsNotFromAScan) {
  feed_all();
  // Rows with true checksums that name the wrong places: only a look-up that is used can notice.
  const auto look_up = open();
  Query query;
  query.source = 3;
  EXPECT_EQ(look_up->find(store, query).indices, scan(store, query));
  Connection file(path(), Connection::Open::existing);
  Prepared row(file, "SELECT count(*) FROM posting WHERE source = 3");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.integer(0), 11) << "one list for each of the 11 chunks";
}

TEST(LookUpTerms, EveryTermIsFoundInItsRowAndNoOther) {
  const TermHash hash(log_id());
  EXPECT_NE(hash(0, "root"), hash(1, "root")) << "the field counts";
  EXPECT_NE(hash(0, "root"), TermHash(attest::hash(attest::view("other")))(0, "root")) << "so does the log";
  for (const std::uint32_t terms : {1u, 3u, 500u, 70'000u}) {
    TermBuilder builder;
    for (std::uint32_t place = 0; place < 70'000; ++place) {
      builder.add(hash(2, "term " + std::to_string(place % terms)), place);
    }
    const auto rows = builder.rows();
    EXPECT_EQ(rows.size(), terms < 512 ? 1u : 256u);
    for (std::uint32_t term = 0; term < terms; term += 1 + terms / 50) {
      const std::uint64_t wanted = hash(2, "term " + std::to_string(term));
      const auto& row = rows[term_row(wanted, static_cast<std::uint32_t>(rows.size()))];
      const auto places = find_term(row, wanted, 70'000);
      ASSERT_TRUE(places);
      EXPECT_EQ(*places, builder.find(wanted));
      EXPECT_EQ(places->size(), 70'000 / terms + (term < 70'000 % terms));
      EXPECT_EQ(find_term(row, wanted + 1, 70'000), Places()) << "not there";
      EXPECT_FALSE(find_term(attest::ByteView(row).first(row.size() - 1), ~std::uint64_t{0}, 70'000));
    }
  }
}

TEST_F(LookUpTest, AnotherReaderOfTermsMakesItAnew) {
  feed_all();
  EXPECT_EQ(open()->find(store, Query{}).indices.size(), kRecords);
  const auto look_up =
      LookUp::open(path(), log_id(), {read_words, attest::hash(attest::view("other words"))}, kSmallChunks);
  EXPECT_EQ(look_up->size(), 0u);
  look_up->feed(store, 1);
  EXPECT_EQ(look_up->size(), 1u) << "fed from the beginning";
}

TEST_F(LookUpTest, AnOlderVersionsFileIsMadeAnew) {
  feed_all();
  edit("DROP TABLE terms; PRAGMA user_version = 1");
  const auto look_up = open();
  EXPECT_EQ(wrong_answers(*look_up), 0u);
  look_up->feed(store, kRecords);
  look_up->flush();
  EXPECT_EQ(wrong_answers(*look_up), 0u);
  Connection file(path(), Connection::Open::existing);
  Prepared version(file, "PRAGMA user_version");
  ASSERT_TRUE(version.step());
  EXPECT_EQ(version.integer(0), 2);
}

TEST_F(LookUpTest, TermsAreAnsweredFromItsRowsNotFromAScan) {
  feed_all();
  const auto look_up = open();
  Query query;
  query.terms[1] = "act321";
  query.scan_limit = 0;  // whoever has to scan stops at once
  const Found found = look_up->find(store, query);
  EXPECT_EQ(found.indices, Indices{321});
  EXPECT_FALSE(found.stopped_at);
}

TEST_F(LookUpTest, TheNewestChunkIsAnsweredFromMemory) {
  const auto look_up = open();
  look_up->feed(store, kRecords);  // not flushed: the last 60 records are nowhere but in memory
  for (const char* const act : {"act1", "act639", "act640", "act699"}) {
    Query query;
    query.terms[1] = act;
    query.scan_limit = 0;
    const Found found = look_up->find(store, query);
    EXPECT_EQ(found.indices, Indices{std::stoull(std::string(act).substr(3))});
    EXPECT_FALSE(found.stopped_at) << act;
  }
}

TEST_F(LookUpTest, AScanStopsAtItsLimitAndGoesOnWhereItStopped) {
  const auto look_up = open();
  Query query;
  query.grep = "act6";
  const Indices all = scan(store, query);
  query.scan_limit = 50;
  Indices found;
  std::size_t pages = 0;
  for (;; ++pages) {
    const Found page = look_up->find(store, query);
    found.insert(found.end(), page.indices.begin(), page.indices.end());
    if (!page.stopped_at) break;
    EXPECT_EQ(*page.stopped_at, (pages + 1) * 50);
    query.begin = page.stopped_at;
  }
  EXPECT_EQ(found, all);
  EXPECT_EQ(pages, kRecords / 50 - 1);
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
        "UPDATE posting SET places = 'text', checksum = 7", "DELETE FROM terms WHERE chunk = 3",
        "UPDATE terms SET places = x''", "UPDATE terms SET chunk = chunk + 1000 WHERE chunk > 8", "DROP TABLE posting",
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
    const auto foreign = LookUp::open(path(), attest::hash(attest::view("another")), words(), kSmallChunks);
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
  for (const Query& query : queries()) EXPECT_EQ(look_up->find(other, query).indices, scan(other, query));
  look_up->feed(other, other.head().size);
  EXPECT_EQ(look_up->size(), other.head().size);
  look_up->flush();
  for (const Query& query : queries()) EXPECT_EQ(look_up->find(other, query).indices, scan(other, query));
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
