// Ours without sockets: append in process (groups of 1,000, durable each), packing, and verifying what
// is on disk.
//
// Verifying runs what stele-verify runs over the segments: commitments, leaves, tree, groups' roots.
// pack_real packs real logs of others: every line of the files below STELE_VECTORS/logs that have at
// least 50 lines of at least 300 bytes on average.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "attest/appraiser.h"
#include "storage/file_system.h"
#include "storage/store.h"
#include "storage/store_reader.h"
#include "tests/bench/events.h"
#include "tests/bench/quiet_disk.h"
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
  static std::mt19937_64 random(20261127);  // as the daemon's: nothing that could be compressed
  for (std::size_t at = 0; at < out.salt.bytes.size(); at += sizeof(std::uint64_t)) {
    for (std::uint64_t rest = random(), i = 0; i < sizeof rest; ++i, rest >>= 8) {
      out.salt.bytes[at + i] = static_cast<std::uint8_t>(rest);
    }
  }
  out.bytes = bytes;
  return out;
}

// Small enough that nearly all of the log is sealed.
constexpr std::uint64_t kSegmentBytes = 4u << 20;

void append_each(const std::string& directory, std::span<const attest::ByteView> lines,
                 std::uint64_t segment_bytes) {
  storage::StoreOptions options;
  options.segment_bytes = segment_bytes;
  storage::Store store = storage::Store::open(storage::posix(), directory, options);
  std::vector<storage::NewRecord> group;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    group.push_back(record(lines[i], i + 1));
    if (group.size() < kGroup && i + 1 < lines.size()) continue;
    store.append(group);
    group.clear();
  }
}

void append_all(const std::string& directory) { append_each(directory, events().each, kSegmentBytes); }

void create(const std::string& directory) {
  storage::Store::create(storage::posix(), directory, log_id(), 0,
                         record(attest::view("genesis"), 0));
}

void append(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    create(scratch.path());
    quiet_disk();
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
    quiet_disk();
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

// Lines of real logs; LF is no part of them. Empty without STELE_VECTORS.
std::vector<std::string> real_lines() {
  constexpr std::size_t kFewest = 50, kLeastBytes = 300;
  const char* const vectors = std::getenv("STELE_VECTORS");
  if (vectors == nullptr) return {};
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(std::string(vectors) + "/logs")) {
    if (file.is_regular_file()) files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> out;
  for (const std::filesystem::path& path : files) {
    std::ifstream in(path, std::ios::binary);
    std::vector<std::string> lines;
    std::size_t bytes = 0;
    for (std::string line; std::getline(in, line); bytes += line.size()) lines.push_back(line);
    if (lines.size() < kFewest || bytes < kLeastBytes * lines.size()) continue;
    std::move(lines.begin(), lines.end(), std::back_inserter(out));
  }
  return out;
}

// They are written again and again, so that little is left in the segment that is still open; what is packed
// together, at most 256 KiB, never has a line twice for that.
void pack_real(benchmark::State& state) {
  constexpr std::uint64_t kSmallSegmentBytes = 1u << 20;
  constexpr std::size_t kPayloadBytes = 32u << 20;
  const std::vector<std::string> lines = real_lines();
  std::vector<attest::ByteView> each;
  std::size_t payload = 0;
  while (!lines.empty() && payload < kPayloadBytes) {
    for (const std::string& line : lines) each.push_back(attest::view(line)), payload += line.size();
  }
  if (lines.empty()) state.SkipWithError("no real logs: STELE_VECTORS does not name their folder");
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    create(scratch.path());
    append_each(scratch.path(), each, kSmallSegmentBytes);
    quiet_disk();
    state.ResumeTiming();
    pack_all(scratch.path());
    state.PauseTiming();
    const auto count = static_cast<double>(each.size());
    state.counters["payload_bytes_an_event"] = static_cast<double>(payload) / count;
    state.counters["packed_bytes_an_event"] = static_cast<double>(bytes_of(scratch.path())) / count;
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * each.size()));
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
BENCHMARK(pack_real)->Name("pack_real")->Unit(benchmark::kMillisecond)->UseRealTime();
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
