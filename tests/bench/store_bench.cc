// Ours without sockets: append in process (groups of 1,000, durable each), and verifying what is on
// disk.
//
// Verifying runs what stele-verify runs over the segments: commitments, leaves, tree, groups'
// roots.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "attest/appraiser.h"
#include "storage/file_system.h"
#include "storage/store.h"
#include "storage/store_reader.h"
#include "tests/bench/events.h"
#include "tests/support/scratch.h"

namespace stele::bench {
namespace {

attest::Hash log_id() {
  return attest::hash(attest::view("a log for benchmarks"));
}

storage::NewRecord record(attest::ByteView bytes, std::size_t number) {
  storage::NewRecord out;
  out.kind = number == 0 ? attest::Kind::genesis : attest::Kind::event;
  out.time_ns = static_cast<std::int64_t>(number);
  for (std::size_t i = 0; i < 8; ++i)
    out.salt.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  out.bytes = bytes;
  return out;
}

// Small enough that nearly all of the log is sealed.
constexpr std::uint64_t kSegmentBytes = 4u << 20;

void append_all(const std::string& directory) {
  storage::StoreOptions options;
  options.segment_bytes = kSegmentBytes;
  storage::Store store = storage::Store::open(storage::posix(), directory, options);
  std::vector<storage::NewRecord> group;
  for (std::size_t i = 0; i < kEventCount; ++i) {
    group.push_back(record(events().each[i], i + 1));
    if (group.size() < kGroup) continue;
    store.append(group);
    group.clear();
  }
}

void create(const std::string& directory) {
  storage::Store::create(storage::posix(), directory, log_id(), 0,
                         record(attest::view("genesis"), 0));
}

void append(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    create(scratch.path());
    state.ResumeTiming();
    append_all(scratch.path());
    state.PauseTiming();
    benchmark::ClobberMemory();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

std::uint64_t bytes_of(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory + "/segments")) {
    bytes += file.file_size();
  }
  return bytes;
}

void pack_all(const std::string& directory) {
  const storage::Store store = storage::Store::open_for_reading(storage::posix(), directory);
  for (std::uint64_t i = 0; i < store.sealed_segments(); ++i) store.pack(i);
}

void pack(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    create(scratch.path());
    append_all(scratch.path());
    const auto before = static_cast<double>(bytes_of(scratch.path()));
    state.ResumeTiming();
    pack_all(scratch.path());
    state.PauseTiming();
    const auto after = static_cast<double>(bytes_of(scratch.path()));
    state.counters["bytes_an_event"] = before / static_cast<double>(kEventCount);
    state.counters["packed_bytes_an_event"] = after / static_cast<double>(kEventCount);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

void verify(benchmark::State& state, bool packed) {
  const test::Scratch scratch;
  create(scratch.path());
  append_all(scratch.path());
  if (packed) pack_all(scratch.path());
  for (auto _ : state) {
    attest::Appraiser appraiser{attest::Options{}};
    storage::present(storage::posix(), scratch.path(), appraiser,
                     static_cast<unsigned>(state.range(0)), {});
    if (appraiser.size() != kEventCount + 1) state.SkipWithError("not every record was presented");
    benchmark::DoNotOptimize(appraiser.report());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

}  // namespace

BENCHMARK(append)->Name("append_in_process")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(pack)->Name("pack")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(verify, fresh, false)
    ->Name("verify")
    ->ArgName("jobs")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(verify, packed, true)
    ->Name("verify_packed")
    ->ArgName("jobs")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace stele::bench
