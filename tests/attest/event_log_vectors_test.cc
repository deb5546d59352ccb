// Goal: other people's firmware event logs replay to the PCR values that their authors publish, or
// are refused as named. Method: every log of the outside collections, found through STELE_VECTORS;
// logs without published values are held against an independent reading's number of events.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "attest/base64.h"
#include "attest/boot/replay.h"
#include "tests/support/vectors.h"

namespace stele::attest::boot {
namespace {

namespace json = boost::json;
using Path = std::filesystem::path;
using Published = std::map<std::string, PcrValues>;  // bank to values

Bytes log_bytes(const Path& path) {
  const std::string text = test::read_file(path);
  if (path.extension() != ".b64") return {text.begin(), text.end()};
  std::string packed;
  for (const char c : text) {
    if (c != '\n') packed.push_back(c);
  }
  return from_base64(packed).value();
}

std::vector<Path> files(const Path& folder, const std::string& extension) {
  std::vector<Path> out;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == extension) out.push_back(file.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Algorithm bank_named(const std::string& text) {
  for (const Algorithm algorithm : kAlgorithms) {
    if (name(algorithm) == text || (text == "sm3_256" && algorithm == Algorithm::sm3))
      return algorithm;
  }
  throw std::runtime_error("no bank " + text);
}

// Each value is explained by the log, or is the reset value of a PCR without events.
std::size_t expect_replays(const Path& path, const Published& published) {
  const Bytes bytes = log_bytes(path);
  const auto log = parse_event_log(bytes);
  EXPECT_TRUE(log) << path << ": " << (log ? "" : log.error().detail);
  if (!log) return 0;
  std::size_t explained = 0;
  for (const auto& [bank, values] : published) {
    for (const auto& [pcr, what] : explain(*log, bank_named(bank), values)) {
      const bool untouched =
          what == Explanation::untouched && (*replay(*log, bank_named(bank)))[pcr].events == 0;
      EXPECT_TRUE(what == Explanation::explained || untouched)
          << path << " " << bank << " PCR " << pcr << ": " << name(what);
      explained += what == Explanation::explained;
    }
  }
  return explained;
}

Bytes hex(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes) throw std::runtime_error("not hex: " + std::string(text));
  return *bytes;
}

TEST(EventLogVectors, LogsOfVirtualMachinesAndWorkstationsReplayToWhatTheirTpmsQuoted) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/eventlogs/go-tpm-tools");
  const json::value all = json::parse(test::read_file(folder / "pcrs.json"));
  std::size_t cases = 0;
  for (const Path& path : files(folder, ".bin")) {
    const auto* expected = all.as_object().if_contains(path.filename().string());
    ASSERT_NE(expected, nullptr) << path << " has no published values";
    Published published;
    for (const auto& [bank, values] : expected->as_object()) {
      for (const auto& [pcr, value] : values.as_object()) {
        published[bank][static_cast<std::uint32_t>(std::stoul(std::string(pcr)))] =
            hex(value.as_string());
      }
    }
    EXPECT_GE(expect_replays(path, published), 8u) << path;
    ++cases;
  }
  EXPECT_GT(cases, 0u);
  test::used_vectors("tpm/eventlogs/go-tpm-tools", cases);
}

// The "pcrs:" part of what tpm2_eventlog prints: "  sha256:" and "    0  : 0x…".
Published pcrs_of_yaml(const Path& path) {
  Published out;
  std::istringstream lines(test::read_file(path));
  std::string line, bank;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (line == "pcrs:") inside = true;
    if (!inside || line.size() < 4) continue;
    if (line.compare(0, 2, "  ") == 0 && line[2] != ' ') bank = line.substr(2, line.find(':') - 2);
    if (const auto value = line.find(": 0x"); value != std::string::npos) {
      out[bank][static_cast<std::uint32_t>(std::stoul(line))] = hex(line.substr(value + 4));
    }
  }
  return out;
}

TEST(EventLogVectors, LogsReplayToWhatTpm2EventlogPrints) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/eventlogs/tpm2-tools");
  std::size_t cases = 0, values = 0;
  for (const char* part : {"", "event-pretty", "event-pretty-39", "event-raw"}) {
    for (const Path& yaml : files(folder / part, ".yaml")) {
      values += expect_replays(folder / yaml.stem(), pcrs_of_yaml(yaml));
      ++cases;
    }
  }
  EXPECT_GT(values, cases);
  test::used_vectors("tpm/eventlogs/tpm2-tools", cases);
}

TEST(EventLogVectors, AnEventWhoseDigestIsNotOfItsDataIsFound) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/eventlogs/tpm2-tools");
  const Bytes bytes = log_bytes(folder / "event-arch-linux.bin");
  const auto log = parse_event_log(bytes);
  ASSERT_TRUE(log);
  // "Event 24's digest does not match its payload", counted with the Spec ID event.
  EXPECT_EQ(digest_is_of_data(log->events.at(23), Algorithm::sha256), false);
  test::used_vectors("tpm/eventlogs/tpm2-tools (warnings)", 1);
}

TEST(EventLogVectors, WhatIsNoEventLogIsRefused) {
  STELE_VECTORS_OR_SKIP(tpm, "tpm");
  const std::pair<const char*, Fault> refused[] = {
      {"keylime/create-mb-policy/binary_bios_measurements-bogus", Fault::value_out_of_range},
      {"keylime/create-mb-policy/binary_bios_measurements-empty", Fault::truncated},
      {"eventlogs/tpm2-tools/ek-template-default.bin", Fault::value_out_of_range},
      {"eventlogs/tpm2-tools/get-capability-tpm-prop-fixed.bin", Fault::truncated}};
  for (const auto& [file, fault] : refused) {
    const Bytes bytes = log_bytes(tpm / file);
    const auto log = parse_event_log(bytes);
    ASSERT_FALSE(log) << file;
    EXPECT_EQ(log.error().fault, fault) << file << ": " << log.error().detail;
    EXPECT_EQ(log.error().at.value, 0u) << file;
  }
  test::used_vectors("tpm (no event logs)", std::size(refused));
}

TEST(EventLogVectors, AWindowsMachinesLogReplaysToItsQuotedValues) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/quotes/gcp-windows-shielded-vm");
  const Bytes bytes = log_bytes(folder / "eventlog.bin");
  const auto log = parse_event_log(bytes);
  ASSERT_TRUE(log) << log.error().detail;
  PcrValues quoted;
  const json::value published = json::parse(test::read_file(folder / "pcrs.json"));
  for (const json::value& one : published.as_array()) {
    if (one.at("alg").as_string() != "sha1") continue;
    quoted[one.at("index").to_number<std::uint32_t>()] = hex(one.at("digest").as_string());
  }
  std::vector<std::uint32_t> explained;
  for (const auto& [pcr, what] : explain(*log, Algorithm::sha1, quoted)) {
    EXPECT_TRUE(what == Explanation::explained || what == Explanation::untouched)
        << pcr << name(what);
    if (what == Explanation::explained) explained.push_back(pcr);
  }
  EXPECT_EQ(explained, (std::vector<std::uint32_t>{0, 4, 5, 7, 11, 12, 13, 14}));
  test::used_vectors("tpm/quotes/gcp-windows-shielded-vm", 1);
}

// The same machine as its owner packed it: all in one JSON, digests in base64.
TEST(EventLogVectors, ALogInsideAnAttestationReplaysToTheValuesBesideIt) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/go-attestation");
  const json::value all = json::parse(test::read_file(folder / "windows_gcp_shielded_vm.json"));
  const auto raw = from_base64(all.at("Log").at("Raw").as_string());
  ASSERT_TRUE(raw);
  const auto log = parse_event_log(*raw);
  ASSERT_TRUE(log) << log.error().detail;
  PcrValues quoted;
  for (const json::value& one : all.at("Log").at("PCRs").as_array()) {
    quoted[one.at("Index").to_number<std::uint32_t>()] =
        from_base64(one.at("Digest").as_string()).value();
  }
  EXPECT_EQ(quoted.size(), kPcrs);
  std::size_t explained = 0;
  for (const auto& [pcr, what] : explain(*log, Algorithm::sha1, quoted)) {
    EXPECT_TRUE(what == Explanation::explained || what == Explanation::untouched)
        << pcr << name(what);
    explained += what == Explanation::explained;
  }
  EXPECT_EQ(explained, 8u);
  test::used_vectors("tpm/go-attestation (attestation)", 1);
}

TEST(EventLogVectors, LogsWithoutPublishedValuesAreReadToTheirLastEvent) {
  STELE_VECTORS_OR_SKIP(tpm, "tpm");
  struct Case {
    const char* file;
    std::size_t events;  // without the Spec ID event
  };
  const Case cases[] = {{"eventlogs/tpm2-tss/binary_measurements_hcrtm.b64", 203},
                        {"eventlogs/tpm2-tss/binary_measurements_nuc.b64", 17},
                        {"eventlogs/tpm2-tss/binary_measurements_pc_client.b64", 32},
                        {"eventlogs/tpm2-tss/event-uefiaction.b64", 1},
                        {"eventlogs/tpm2-tss/event-uefiservices.b64", 1},
                        {"eventlogs/tpm2-tss/event-uefivar.b64", 1},
                        {"eventlogs/tpm2-tss/event.b64", 1},
                        {"eventlogs/tpm2-tss/specid-vendordata.b64", 0},
                        {"go-attestation/crypto_agile_eventlog", 26},
                        {"go-attestation/sb_cert_eventlog", 14},
                        {"go-attestation/short_no_action_eventlog", 1},
                        {"go-attestation/ubuntu_2104_shielded_vm_no_secure_boot_eventlog", 105},
                        {"keylime/create-mb-policy/binary_bios_measurements", 120},
                        {"keylime/mb_log.b64", 101},
                        {"rust-keylime/keylime-push-model-agent/test-data/uefi_log.bin", 123}};
  for (const Case& one : cases) {
    const Bytes bytes = log_bytes(tpm / one.file);
    const auto log = parse_event_log(bytes);
    ASSERT_TRUE(log) << one.file << ": " << log.error().detail;
    EXPECT_EQ(log->events.size(), one.events) << one.file;
    for (const BankSize& bank : log->banks) {
      EXPECT_EQ(replay(*log, bank.algorithm).has_value(), can_digest(bank.algorithm)) << one.file;
    }
  }
  test::used_vectors("tpm (event logs without published values)", std::size(cases));
}

}  // namespace
}  // namespace stele::attest::boot
