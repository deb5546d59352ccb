// The look-up: reading out alone, feeding with and without it, a first page on a million and on ten million events
// (5 GB of scratch space), and a text scan. look_up_feed tells what a fresh log with its look-up takes on disk.
//
// look_up_postings feeds terms that cost nothing to read (the event's own pieces at known places), so it shows
// what the lists cost; look_up_feed is what the daemon does.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <map>

#include "daemon/read_out/terms.h"
#include "storage/look_up.h"
#include "tests/bench/events.h"
#include "tests/support/scratch.h"

namespace stele::bench {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

attest::Hash log_id() { return attest::hash(attest::view("a log for benchmarks")); }

storage::Store make_store(const std::string& directory, std::size_t count) {
  storage::NewRecord record;
  record.kind = attest::Kind::genesis;
  storage::Store::create(storage::posix(), directory, log_id(), 0, record);
  storage::Store store = storage::Store::open(storage::posix(), directory, {});
  record.kind = attest::Kind::event;
  std::vector<storage::NewRecord> group;
  for (std::size_t i = 0; i < count; ++i) {
    record.bytes = events().each[i % kEventCount];
    record.time_ns = static_cast<std::int64_t>(i) * 1'000'000;
    group.push_back(record);
    if (group.size() == kGroup) store.append(group), group.clear();
  }
  return store;
}

struct Fed {
  explicit Fed(std::int64_t count) : store(make_store(scratch.path(), static_cast<std::size_t>(count))) {
    look_up = storage::LookUp::open(scratch / "look-up.sqlite", log_id(), daemon::term_reader({}));
    look_up->feed(store, store.head().size);
  }
  test::Scratch scratch;
  storage::Store store;
  std::unique_ptr<storage::LookUp> look_up;
};
const Fed& fed(std::int64_t count) {
  static std::map<std::int64_t, Fed> made;
  return made.try_emplace(count, count).first->second;
}

void read_out(benchmark::State& state) {
  daemon::EventReader reader;
  for (auto _ : state) {
    for (const attest::ByteView event : events().each) {
      const std::string_view text(reinterpret_cast<const char*>(event.data()), event.size());
      if (reader.read(text, 0).unparsed()) state.SkipWithError("an event was not read");
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

// Six pieces of an event: three of few values, one of thousands, two nearly unique.
void take_pieces(const storage::StoredRecord& record, storage::Terms& terms) {
  terms = {};
  if (record.bytes.size() < 200) return;
  const std::string_view text(reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size());
  const std::size_t seq = text.find("user\":\"");
  terms = {text.substr(seq + 7, 8), text.substr(2, 4), text.substr(seq + 40, 12),
           text.substr(16, 5), text.substr(9, 24), text.substr(2, 1)};
}

double an_event(std::uintmax_t bytes) { return static_cast<double>(bytes) / static_cast<double>(kEventCount); }

std::uintmax_t payload_bytes() { return events().bytes.size() - kEventCount; }  // LF is not part of an event

// Of the whole log as it lies there: segments, tree, look-up and what SQLite keeps beside it.
std::uintmax_t bytes_below(const std::filesystem::path& directory) {
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (file.is_regular_file()) bytes += file.file_size();
  }
  return bytes;
}

void feed(benchmark::State& state, const storage::TermReader& reader) {
  const test::Scratch scratch;
  const storage::Store store = make_store(scratch.path(), kEventCount);
  for (auto _ : state) {
    const std::string path = scratch / "look-up.sqlite";
    storage::LookUp::remove(path);
    auto look_up = storage::LookUp::open(path, log_id(), reader);
    look_up->feed(store, store.head().size);
    look_up->flush();
    if (look_up->size() != kEventCount + 1) state.SkipWithError("not every record was fed");
    look_up.reset();  // what SQLite keeps beside the file is as large for any log
    state.counters["bytes_per_event"] = an_event(std::filesystem::file_size(path));
    state.counters["beyond_payload"] = an_event(bytes_below(scratch.path())) - an_event(payload_bytes());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}
void feed_read_out(benchmark::State& state) { feed(state, daemon::term_reader({})); }
void feed_pieces(benchmark::State& state) { feed(state, {take_pieces, attest::hash(attest::view("pieces"))}); }

void first_page(benchmark::State& state, daemon::Field field, const char* value, std::size_t least) {
  const Fed& log = fed(state.range(0));
  storage::Query query;
  query.terms[static_cast<std::size_t>(field)] = value;
  query.limit = static_cast<std::uint64_t>(state.range(1));
  for (auto _ : state) {
    const auto found = log.look_up->find(log.store, query);
    if (found.indices.size() < least || found.stopped_at) state.SkipWithError("too little was found");
  }
}
void page_of_actor(benchmark::State& state) { first_page(state, daemon::Field::actor, "user0042", 50); }
void page_of_action(benchmark::State& state) { first_page(state, daemon::Field::action, "login", 50); }
void page_of_nobody(benchmark::State& state) { first_page(state, daemon::Field::actor, "nobody", 0); }

void grep(benchmark::State& state) {
  const Fed& million = fed(kMillion);
  storage::Query query;
  query.grep = "Failed password";
  for (auto _ : state) {
    const auto found = million.look_up->find(million.store, query);
    if (!found.indices.empty()) state.SkipWithError("nothing should be found");
  }
  const std::size_t bytes = events().bytes.size() * (static_cast<std::size_t>(kMillion) / kEventCount);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

// Events in the log, records of a page.
void pages(benchmark::internal::Benchmark* page) {
  page->Args({kMillion, 50})->Args({kMillion, 1000})->Args({10 * kMillion, 50})->Args({10 * kMillion, 1000});
  page->Unit(benchmark::kMillisecond)->UseRealTime();
}

}  // namespace

BENCHMARK(read_out)->Name("read_out")->Unit(benchmark::kMillisecond);
BENCHMARK(feed_pieces)->Name("look_up_postings")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(feed_read_out)->Name("look_up_feed")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(page_of_actor)->Apply(pages);
BENCHMARK(page_of_action)->Apply(pages);
BENCHMARK(page_of_nobody)->Apply(pages);
BENCHMARK(grep)->Name("grep")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace stele::bench
