// The ceilings of verification, from files of the same events, all of which are in the page cache.
//
//   ceiling/verify/jobs:T    VERIFY: T threads read their part of a file, hash each event as a leaf with about one
//                            tree node, and compare with the leaf hash beside it
//   ceiling/openssl_dgst     `openssl dgst -sha256` over the events' bytes, five times over: the whole command, of
//                            whose time its start is then little
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "attest/merkle.h"
#include "tests/bench/events.h"
#include "tests/support/scratch.h"

namespace stele::bench {
namespace {

attest::Hash leaf_of(attest::ByteView event) {
  static constexpr std::uint8_t kPrefix[] = {0x00};
  return attest::hash({attest::ByteView(kPrefix), event});
}

// For each event: length as u32, bytes, leaf hash. Where each of so many parts of about one size begins, and the end.
std::vector<std::size_t> write_events(const std::string& path, std::size_t parts) {
  std::ofstream out(path, std::ios::binary);
  std::vector<std::size_t> cuts;
  std::size_t at = 0;
  for (std::size_t i = 0; i < kEventCount; ++i) {
    if (i == kEventCount * cuts.size() / parts) cuts.push_back(at);
    const attest::ByteView event = events().each[i];
    const auto length = static_cast<std::uint32_t>(event.size());
    const attest::Hash leaf = leaf_of(event);
    out.write(reinterpret_cast<const char*>(&length), sizeof length);
    out.write(reinterpret_cast<const char*>(event.data()), static_cast<std::streamsize>(event.size()));
    out.write(reinterpret_cast<const char*>(leaf.bytes.data()), static_cast<std::streamsize>(leaf.bytes.size()));
    at += sizeof length + event.size() + leaf.bytes.size();
  }
  cuts.push_back(at);
  out.close();
  if (!out) throw std::system_error(errno, std::generic_category(), path);
  return cuts;
}

// A file in memory, read-only.
class Mapped {
 public:
  Mapped(const std::string& path, std::size_t length) : length_(length) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    at_ = mmap(nullptr, length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (fd >= 0) close(fd);
    if (at_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path);
  }
  ~Mapped() { munmap(at_, length_); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  attest::ByteView bytes() const { return {static_cast<const std::uint8_t*>(at_), length_}; }

 private:
  void* at_;
  std::size_t length_;
};

std::size_t good_ones(attest::ByteView part) {
  attest::CompactRange tree;
  std::size_t good = 0;
  while (!part.empty()) {
    std::uint32_t length = 0;
    std::memcpy(&length, part.data(), sizeof length);
    const attest::Hash leaf = leaf_of(part.subspan(sizeof length, length));
    tree.append(leaf);
    const attest::ByteView beside = part.subspan(sizeof length + length, leaf.bytes.size());
    good += std::memcmp(beside.data(), leaf.bytes.data(), leaf.bytes.size()) == 0 ? 1 : 0;
    part = part.subspan(sizeof length + length + leaf.bytes.size());
  }
  benchmark::DoNotOptimize(tree.head());
  return good;
}

void verify_file(benchmark::State& state) {
  const test::Scratch scratch;
  const std::vector<std::size_t> cuts =
      write_events(scratch / "events", static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const Mapped file(scratch / "events", cuts.back());
    std::atomic<std::size_t> good = 0;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      threads.emplace_back([&, i] { good += good_ones(file.bytes().subspan(cuts[i], cuts[i + 1] - cuts[i])); });
    }
    for (std::thread& thread : threads) thread.join();
    if (good != kEventCount) state.SkipWithError("not every leaf hash was as it stands there");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEventCount));
}

void openssl_dgst(benchmark::State& state) {
  constexpr int kTimesOver = 5;
  const test::Scratch scratch;
  std::ofstream out(scratch / "events", std::ios::binary);
  for (int i = 0; i < kTimesOver; ++i) {
    out.write(reinterpret_cast<const char*>(events().bytes.data()),
              static_cast<std::streamsize>(events().bytes.size()));
  }
  out.close();
  if (!out) state.SkipWithError("the events could not be written");
  const std::string command = "openssl dgst -sha256 '" + scratch / "events" + "' >'" + scratch / "digest" + "'";
  for (auto _ : state) {
    if (std::system(command.c_str()) != 0) state.SkipWithError("openssl dgst failed");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kTimesOver * kEventCount));
}

}  // namespace

BENCHMARK(verify_file)
    ->Name("ceiling/verify")
    ->ArgName("jobs")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(openssl_dgst)->Name("ceiling/openssl_dgst")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace stele::bench
