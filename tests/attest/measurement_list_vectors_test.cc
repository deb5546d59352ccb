// Goal: other people's IMA lists are read or refused as named, and replay to the values of an
// independent reading. Method: every list of the outside collections, found through STELE_VECTORS.
// Their authors publish no PCR values: those here were computed with another program in another
// language.
#include <gtest/gtest.h>

#include "attest/base64.h"
#include "attest/boot/measurement_replay.h"
#include "tests/support/vectors.h"

namespace stele::attest::boot {
namespace {

Bytes from_base64_file(const std::filesystem::path& path) {
  std::string packed;
  for (const char c : test::read_file(path)) {
    if (c != '\n') packed.push_back(c);
  }
  return from_base64(packed).value();
}

struct BinaryCase {
  const char* file;
  std::size_t entries, violations, torn_bytes;  // these were cut out of longer lists
  const char* sha1;
  const char* sha256;
};

TEST(MeasurementListVectors, BinaryListsReplayAsAnIndependentReadingDoes) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/eventlogs/tpm2-tss");
  const BinaryCase cases[] = {
      {"sml-ima-sha1.b64", 12, 0, 1, "062a05a9d18d1a51775ff8162bf6964b8dd23eb4",
       "239ba8e6f20ecfec961d771036c68f02dbeb771678b64c18cba81363e8e7139a"},
      {"sml-ima-ng-sha1.b64", 6, 0, 1, "ef2a20de2a84a4780f92ab11d5c4934c709dff00",
       "700a1bb47bc2bc005f2d8e23d80e2a1e301733c1d29023c52d1d7d149719eb64"},
      {"sml-ima-sig-sha256.b64", 9, 0, 6, "b44019405884709ca410b0c30b48159d3a556622",
       "a7e76625386d3dc6248552e44a3b2b1bebb6f2ff3acc9bd220821ad22f7a9d6a"},
      // "Invalidated": a violation each, which is read and counted; that it passes no policy is
      // boot_policy_test.cc's.
      {"sml-ima-sha1-invalidated.b64", 1, 1, 0, "bac37b84f007d0238af95af707cac8d61254870e",
       "bba91ca85dc914b2ec3efb9e16e7267bf9193b14350d20fba8a8b406730ae30a"},
      {"sml-ima-sig-sha256-invalidated.b64", 2, 1, 0, "a0e7bc9af0a2b54147b0d595d058f15c6cc44a6d",
       "338c5ec5cba3d64a886cc6f369f10e5209bf8f49db078635723bb1ed8091b2ba"}};
  for (const BinaryCase& one : cases) {
    const auto list = parse_measurement_list(from_base64_file(folder / one.file));
    ASSERT_TRUE(list) << one.file << ": " << list.error().detail;
    EXPECT_EQ(list->entries.size(), one.entries) << one.file;
    EXPECT_EQ(list->torn_bytes, one.torn_bytes) << one.file;
    const auto part = explain(*list, Algorithm::sha256, from_hex(one.sha256).value());
    ASSERT_TRUE(part) << one.file;
    EXPECT_EQ(*part, (MeasuredPart{one.entries, one.violations, ImaForm::own_digest})) << one.file;
    EXPECT_EQ(to_hex(*replay(*list, Algorithm::sha1, ImaForm::own_digest)), one.sha1) << one.file;
  }
  test::used_vectors("tpm/eventlogs/tpm2-tss (IMA)", std::size(cases));
}

TEST(MeasurementListVectors, AnInvalidatedListThatEndsInsideItsOnlyEntryIsRefused) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/eventlogs/tpm2-tss");
  const auto list =
      parse_measurement_list(from_base64_file(folder / "sml-ima-ng-sha1-invalidated.b64"));
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().fault, Fault::truncated);
  test::used_vectors("tpm/eventlogs/tpm2-tss (IMA, refused)", 1);
}

struct TextCase {
  const char* file;
  Algorithm algorithm;
  std::size_t entries, violations;
};

TEST(MeasurementListVectors, AsciiListsAreRead) {
  STELE_VECTORS_OR_SKIP(tpm, "tpm");
  const TextCase cases[] = {
      {"keylime/create-runtime-policy/ima-log-sha1", Algorithm::sha1, 2, 1},
      {"keylime/create-runtime-policy/ima-log-sha256", Algorithm::sha1, 2, 0},
      {"keylime/create-runtime-policy/ima-log-sha384", Algorithm::sha1, 2, 1},
      {"keylime/create-runtime-policy/ima-log-sha512", Algorithm::sha1, 2, 1},
      {"keylime/create-runtime-policy/ima-log-sm3_256", Algorithm::sm3, 2, 1},
      {"rust-keylime/keylime/test-data/ima_log.txt", Algorithm::sha1, 1, 0},
      {"rust-keylime/keylime/test-data/empty_ima_log.txt", Algorithm::sha1, 0, 0},
      {"rust-keylime/keylime-push-model-agent/test-data/ima_log.txt", Algorithm::sha1, 1, 0}};
  for (const TextCase& one : cases) {
    const auto list = parse_ascii_measurement_list(test::read_file(tpm / one.file), one.algorithm);
    ASSERT_TRUE(list) << one.file << ": " << list.error().detail;
    EXPECT_EQ(list->entries.size(), one.entries) << one.file;
    EXPECT_EQ(list->torn_bytes, 0u) << one.file;
    if (const auto end = replay(*list, Algorithm::sha256, ImaForm::own_digest)) {
      const auto part = explain(*list, Algorithm::sha256, *end);
      ASSERT_TRUE(part) << one.file;
      EXPECT_EQ(*part, (MeasuredPart{one.entries, one.violations, ImaForm::own_digest}))
          << one.file;
    } else {
      ADD_FAILURE() << one.file << " does not replay";
    }
  }
  test::used_vectors("tpm (IMA, ASCII)", std::size(cases));
}

TEST(MeasurementListVectors, AnUnknownFileHashAndTextThatIsNoListAreRefused) {
  STELE_VECTORS_OR_SKIP(tpm, "tpm");
  const std::pair<const char*, std::uint64_t> refused[] = {
      {"keylime/create-runtime-policy/ima-log-unknown", 1},
      {"rust-keylime/keylime/test-data/invalid_ima_log.txt", 1}};
  for (const auto& [file, line] : refused) {
    const std::string text = test::read_file(tpm / file);
    const auto list = parse_ascii_measurement_list(text);
    ASSERT_FALSE(list) << file;
    EXPECT_EQ(list.error().fault, Fault::value_out_of_range) << list.error().detail;
    EXPECT_EQ(list.error().at.value, line) << file;
  }
  // Read by the hash whose size its digests have, it is refused for its second line's unknown file
  // hash.
  for (const Algorithm algorithm : {Algorithm::sha256, Algorithm::sm3}) {
    const auto list =
        parse_ascii_measurement_list(test::read_file(tpm / refused[0].first), algorithm);
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().at.value, 2u);
  }
  test::used_vectors("tpm (IMA, ASCII, refused)", std::size(refused));
}

}  // namespace
}  // namespace stele::attest::boot
