// Ceilings: what the machine could do at best with the same events, measured in the same run. FULL and VERIFY,
// which the design names, are in full_ceiling.cc and verify_ceiling.cc.
//
//   ceiling/hash                  H(0x00 ‖ event) and one tree node an event, in memory, one core
//   ceiling/hash_write_sync       the same, and write + fdatasync per 1,000 events to a fallocated fresh file
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "attest/merkle.h"
#include "tests/bench/events.h"
#include "tests/bench/quiet_disk.h"
#include "tests/support/scratch.h"

namespace stele::bench {
namespace {

attest::Hash plain_leaf(attest::ByteView event) {
  static constexpr std::uint8_t kPrefix[] = {0x00};
  return attest::hash({attest::ByteView(kPrefix), event});
}

void hash_only(benchmark::State& state) {
  for (auto _ : state) {
    attest::CompactRange tree;
    for (attest::ByteView event : events().each) tree.append(plain_leaf(event));
    benchmark::DoNotOptimize(tree.head());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

void check(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

void hash_write_sync(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const test::Scratch scratch;
    const int fd = open((scratch / "fresh").c_str(), O_CREAT | O_RDWR | O_EXCL, 0600);
    check(fd >= 0, "open");
    check(posix_fallocate(fd, 0, static_cast<off_t>(events().bytes.size())) == 0, "fallocate");
    check(fsync(fd) == 0, "fsync");
    quiet_disk();
    state.ResumeTiming();
    attest::CompactRange tree;
    const std::uint8_t* from = events().bytes.data();
    for (std::size_t i = 0; i < kEventCount; ++i) {
      tree.append(plain_leaf(events().each[i]));
      if ((i + 1) % kGroup != 0) continue;
      const std::uint8_t* to = events().each[i].data() + events().each[i].size() + 1;
      check(write(fd, from, static_cast<std::size_t>(to - from)) == to - from, "write");
      check(fdatasync(fd) == 0, "fdatasync");
      from = to;
    }
    benchmark::DoNotOptimize(tree.head());
    state.PauseTiming();
    close(fd);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

}  // namespace

BENCHMARK(hash_only)->Name("ceiling/hash")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(hash_write_sync)->Name("ceiling/hash_write_sync")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace stele::bench
