// Goal: no bytes crash, hang or confuse a function that takes outside bytes; in every build, under
// every sanitizer, without a fuzzer. Method: each target runs over its committed corpus and over
// 2,000 mutations of each seed, drawn from a fixed generator: the same in every run. At least one
// seed of each target must be accepted, so that what comes behind acceptance is walked through too.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/support/tally.h"
#include "tests/support/vectors.h"

namespace stele::test {
namespace {

using attest::Bytes;

constexpr int kMutations = 2000;

std::vector<Bytes> corpus(const std::string& target) {
  std::vector<std::filesystem::path> paths;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(STELE_FUZZ_CORPUS) / target)) {
    paths.push_back(file.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> seeds;
  for (const auto& path : paths) {
    const std::string text = read_file(path);
    seeds.emplace_back(text.begin(), text.end());
  }
  return seeds;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<Bytes>& seeds) : seeds_(seeds) {}

  // One to four changes, each of which a fuzzer or a liar would try.
  Bytes mutate(Bytes bytes) {
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(random_()); }
  static auto at(Bytes& bytes, std::size_t offset) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  }

  void change(Bytes& bytes) {
    static constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '\n', ' ', '0'};
    const std::size_t here = below(bytes.size());
    const std::size_t end = here + below(bytes.size() - here + 1);
    switch (below(8)) {
      case 0:
        if (!bytes.empty()) bytes[here] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        if (!bytes.empty()) bytes[here] = kEdges[below(std::size(kEdges))];
        break;
      case 2:
        bytes.resize(here);
        break;
      case 3:
        bytes.insert(at(bytes, here), 1 + below(8), byte());
        break;
      case 4:
        bytes.erase(at(bytes, here), at(bytes, end));
        break;
      case 5: {
        const Bytes twice(at(bytes, here), at(bytes, end));
        bytes.insert(at(bytes, end), twice.begin(), twice.end());
        break;
      }
      case 6: {  // goes on as another seed does
        const Bytes& other = seeds_[below(seeds_.size())];
        const auto from = static_cast<std::ptrdiff_t>(std::min(here, other.size()));
        bytes.resize(here);
        bytes.insert(bytes.end(), other.begin() + from, other.end());
        break;
      }
      default:
        for (std::size_t i = here; i < std::min(bytes.size(), here + 8); ++i) bytes[i] = byte();
    }
  }

  const std::vector<Bytes>& seeds_;
  std::mt19937_64 random_{20261123};
};

class FuzzReplay : public testing::TestWithParam<std::string> {};

TEST_P(FuzzReplay, SurvivesItsCorpusAndMutationsOfIt) {
  const FuzzTarget target = fuzz_targets().at(GetParam());
  const std::vector<Bytes> seeds = corpus(GetParam());
  ASSERT_FALSE(seeds.empty());

  std::size_t accepted = 0;
  for (const Bytes& seed : seeds) accepted += target(seed);
  EXPECT_GT(accepted, 0u) << "no seed is accepted: the corpus no longer fits the format";

  target({});
  Mutator mutator(seeds);
  for (const Bytes& seed : seeds) {
    for (int i = 0; i < kMutations; ++i) target(mutator.mutate(seed));
  }
  Tally tally;  // what is missed ends the process: a target checks itself
  tally.injected = seeds.size() * (1 + std::uint64_t{kMutations}) + 1;
  tally.report(29, "parser " + GetParam());
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& [name, target] : fuzz_targets()) out.push_back(name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Of, FuzzReplay, testing::ValuesIn(names()),
                         [](const auto& of) { return of.param; });

}  // namespace
}  // namespace stele::test
