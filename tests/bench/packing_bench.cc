// Ingest with and without the packer beside it, over a log that has more to pack than a round has
// time for: the daemon's own listener, sequencer and packer.
//
//   ingest/packer:0   nothing to be packed is packed
//   ingest/packer:1   as in the daemon: the packer stands back while others are busy
//   ingest/packer:2   the packer never stands back: what it costs with its low priority alone
//
// The rounds come mixed, as all do (main.cc); the ratio of the medians is what packing leaves of
// ingest. Sender, daemon and packer share the cores.
#include <benchmark/benchmark.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/ingest/unix_stream.h"
#include "daemon/packer.h"
#include "daemon/sequencer.h"
#include "storage/file_system.h"
#include "tests/bench/events.h"
#include "tests/bench/quiet_disk.h"
#include "tests/bench/sender.h"
#include "tests/support/scratch.h"

namespace stele::bench {
namespace {

// Many segments, each quickly packed.
storage::StoreOptions small_segments() {
  storage::StoreOptions options;
  options.segment_bytes = 4u << 20;
  return options;
}

constexpr int kOlderLoads = 3;  // of all events: what waits for the packer

storage::Store store_with_a_past(const std::string& directory) {
  storage::NewRecord genesis;
  genesis.kind = attest::Kind::genesis;
  storage::Store::create(storage::posix(), directory, attest::hash(attest::view("bench")), 0,
                         genesis);
  storage::Store store = storage::Store::open(storage::posix(), directory, small_segments());
  std::vector<storage::NewRecord> group;
  for (int load = 0; load < kOlderLoads; ++load) {
    for (const attest::ByteView event : events().each) {
      storage::NewRecord record;
      record.kind = attest::Kind::event;
      record.bytes = event;
      group.push_back(record);
      if (group.size() < kGroup) continue;
      store.append(group);
      group.clear();
    }
  }
  return store;
}

using Sizes = std::map<std::string, std::uintmax_t>;
Sizes sizes_of_segments(const std::string& directory) {
  Sizes sizes;
  for (const auto& file : std::filesystem::directory_iterator(directory + "/segments")) {
    sizes[file.path().filename().string()] = file.file_size();
  }
  return sizes;
}

std::size_t packed_between(const Sizes& before, const Sizes& after) {
  std::size_t packed = 0;
  for (const auto& [name, size] : before) {
    const auto now = after.find(name);
    packed += now == after.end() || now->second < size ? 1 : 0;
  }
  return packed;
}

enum class Beside { nothing, polite, greedy };

// What is wrong with the round, or null.
const char* round(benchmark::State& state, Beside beside) {
  const test::Scratch scratch;
  daemon::Config config;
  config.data = scratch.path();
  config.listen_unix = scratch / "in.sock";
  boost::asio::io_context loop;
  auto work = boost::asio::make_work_guard(loop);
  std::optional<daemon::Packer> packer;
  daemon::Sequencer sequencer(store_with_a_past(scratch.path()), config, loop.get_executor(),
                              {[&packer](const attest::TreeHead&) {
                                 if (packer) packer->look();
                               },
                               {}});
  daemon::UnixStream ingest(config, loop.get_executor(), sequencer);
  const std::uint64_t end = sequencer.head().size + kEventCount;
  const Sizes before = sizes_of_segments(scratch.path());
  quiet_disk();
  if (beside == Beside::polite)
    packer.emplace(sequencer.store(), [&] { return sequencer.is_busy(); });
  if (beside == Beside::greedy) packer.emplace(sequencer.store());
  std::thread running([&loop] { loop.run(); });
  state.ResumeTiming();
  const std::string newest = send_and_wait(config.listen_unix);
  state.PauseTiming();
  const std::size_t packed = packed_between(before, sizes_of_segments(scratch.path()));
  const bool acknowledged = sequencer.head().size >= end && newest.find("\"next\"") != newest.npos;
  state.counters["packed_segments"] = static_cast<double>(packed);
  ingest.close();
  work.reset();
  loop.stop();
  running.join();
  if (packer) packer->stop();
  sequencer.drain();
  if (!acknowledged) return "not every event was acknowledged";
  // Otherwise the round says nothing of packing beside ingest.
  if (beside == Beside::greedy && packed == 0) return "nothing was packed meanwhile";
  if (beside != Beside::nothing && packed + 1 >= before.size())
    return "the packer had time to rest";
  return nullptr;
}

void ingest(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    if (const char* wrong = round(state, static_cast<Beside>(state.range(0)))) {
      state.SkipWithError(wrong);
      break;
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

}  // namespace

BENCHMARK(ingest)
    ->ArgName("packer")
    ->DenseRange(0, 2)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace stele::bench
