// Goal: P is the first candidate that nothing uses, whatever the event log looks like.
// Method: logs made by hand in both formats, cut at every length; real ones from the vectors.
#include "tpm/pcr_choice.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/vectors.h"

namespace stele::test {
namespace {

using attest::Bytes;

void little(Bytes& out, std::uint32_t value, int size) {
  for (int i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void sha1_event(Bytes& out, std::uint32_t pcr, const Bytes& body) {
  little(out, pcr, 4);
  little(out, 3, 4);
  out.resize(out.size() + 20);
  little(out, static_cast<std::uint32_t>(body.size()), 4);
  out.insert(out.end(), body.begin(), body.end());
}

Bytes agile_log(const std::set<std::uint32_t>& pcrs) {
  Bytes spec(16);
  const std::string signature = "Spec ID Event03";
  std::copy(signature.begin(), signature.end(), spec.begin());
  spec.resize(spec.size() + 8);
  little(spec, 2, 4);
  for (const auto& [algorithm, size] : {std::pair{4u, 20u}, std::pair{11u, 32u}}) {
    little(spec, algorithm, 2);
    little(spec, size, 2);
  }
  spec.push_back(0);
  Bytes log;
  sha1_event(log, 0, spec);
  for (const std::uint32_t pcr : pcrs) {
    little(log, pcr, 4);
    little(log, 8, 4);
    little(log, 2, 4);
    little(log, 4, 2);
    log.resize(log.size() + 20);
    little(log, 11, 2);
    log.resize(log.size() + 32);
    little(log, 3, 4);
    log.resize(log.size() + 3);
  }
  return log;
}

attest::Hash zero(std::uint8_t) {
  return {};
}

TEST(PcrChoice, TakesTheFirstThatIsZeroAndUnused) {
  EXPECT_EQ(tpm::choose_pcr({}, zero), 12);
  EXPECT_EQ(tpm::choose_pcr(agile_log({4, 12}), zero), 13);
  EXPECT_EQ(tpm::choose_pcr(agile_log({12, 13, 15, 14, 9}), zero), 8);
  EXPECT_EQ(tpm::choose_pcr(agile_log({12, 13, 15, 14, 9, 8}), zero), std::nullopt);
  const auto used_12 = [](std::uint8_t pcr) {
    attest::Hash value;
    value.bytes[0] = pcr == 12 ? 1 : 0;
    return value;
  };
  EXPECT_EQ(tpm::choose_pcr({}, used_12), 13);
  Bytes old;
  sha1_event(old, 12, {1, 2, 3});
  sha1_event(old, 13, {});
  EXPECT_EQ(tpm::choose_pcr(old, zero), 15);
}

TEST(PcrChoice, ACutLogCountsAsFarAsItGoes) {
  const Bytes log = agile_log({0, 7, 12});
  for (std::size_t length = 0; length < log.size(); ++length) {
    const auto pcrs = tpm::pcrs_in_event_log({log.data(), length});
    EXPECT_FALSE(pcrs.contains(12)) << length;
  }
  EXPECT_EQ(tpm::pcrs_in_event_log(log), (std::set<std::uint32_t>{0, 7, 12}));
}

TEST(PcrChoice, RealFirmwareLogsAreRead) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/eventlogs");
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = read_file(entry.path());
    (void)tpm::pcrs_in_event_log(attest::view(bytes));
    ++cases;
  }
  ASSERT_GT(cases, 0u);
  used_vectors("tpm/eventlogs", cases);
}

}  // namespace
}  // namespace stele::test
