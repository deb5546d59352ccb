// Goal: an IMA list is read as far as it is whole or refused with its place, and replays to what
// the kernel extends, violations included. Method: lists on paper, whose values the test computes
// by the formula; each rule broken once; every truncation and every byte changed.
#include "attest/boot/measurement_list.h"

#include <gtest/gtest.h>

#include "attest/boot/measurement_replay.h"
#include "tests/support/paper_boot.h"

namespace stele::attest::boot {
namespace {

using test::ima_entry;
using test::ima_ng;
using test::ima_ng_data;

const Bytes kZeroDigest(20, 0);

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes sha1(ByteView bytes) {
  return *digest(Algorithm::sha1, {bytes});
}
Bytes list_sha256(ByteView bytes) {
  return *digest(Algorithm::sha256, {bytes});
}

// An entry of another template than ima, with its own digest.
Bytes entry(std::string_view name, const Bytes& data, std::uint32_t pcr = 10) {
  return ima_entry(pcr, sha1(data), name, data);
}

// Fields as templates but the oldest have them: size u32 · bytes.
Bytes row(std::initializer_list<std::string_view> fields) {
  Bytes out;
  for (const std::string_view field : fields) {
    test::little32(out, static_cast<std::uint32_t>(field.size()));
    out.insert(out.end(), field.begin(), field.end());
  }
  return out;
}

Bytes first() {
  return ima_ng("sha256", list_sha256(view("boot")), "boot_aggregate");
}
Bytes second() {
  return ima_ng("sha1", sha1(view("init")), "/sbin/init");
}
Bytes violation() {
  return ima_entry(10, kZeroDigest, "ima-ng", ima_ng_data("sha256", Bytes(32, 0), "/var/log/open"));
}

Bytes chain(Algorithm bank, std::initializer_list<Bytes> measured) {
  Bytes value(digest_bytes(bank), 0);
  for (const Bytes& one : measured) value = *digest(bank, {value, one});
  return value;
}

Defect list_defect_of(ByteView bytes) {
  const auto list = parse_measurement_list(bytes);
  EXPECT_FALSE(list) << to_hex(bytes);
  return list ? Defect(Fault::kind_unknown) : list.error();
}

TEST(MeasurementList, EachTemplateIsReadAndItsFieldsAreTaken) {
  const Bytes digest = list_sha256(view("a file"));
  const std::string digest_text(digest.begin(), digest.end());
  const std::string plain = std::string("sha256:\0", 8) + digest_text;
  const std::string verity = std::string("verity:sha256:\0", 15) + digest_text;
  const std::string path("/a\0", 3);
  Bytes old = sha1(view("a file")), old_data = old;
  test::little32(old, 2);
  old.insert(old.end(), {'/', 'a'});
  old_data.insert(old_data.end(), {'/', 'a'});
  old_data.resize(276, 0);
  const Bytes list = joined(
      {ima_entry(10, sha1(old_data), "ima", old), entry("ima-ng", row({plain, path})),
       entry("ima-sig", row({plain, path, "\3\2signature"})),
       entry("ima-ngv2", row({verity, path})), entry("ima-buf", row({plain, path, "buffer"})),
       entry("ima-modsig", row({plain, path, "", plain, "signature"})),
       entry("d-ng|n-ng", row({plain, path})), entry("of-tomorrow", row({"", "?"}))});
  const auto read = parse_measurement_list(list);
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_EQ(read->entries.size(), 8u);
  EXPECT_EQ(read->torn_bytes, 0u);
  EXPECT_EQ(read->entries[0].file_digest, sha1(view("a file")));
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(read->entries[i].path, "/a") << i;
  for (std::size_t i = 1; i < 7; ++i) EXPECT_EQ(read->entries[i].file_digest, digest) << i;
  EXPECT_EQ(read->entries[1].file_hash, "sha256");
  EXPECT_EQ(read->entries[3].file_hash, "verity:sha256");
  EXPECT_EQ(read->entries[7].path, "") << "an unknown template is kept, its fields are not guessed";
}

TEST(MeasurementList, ReplaysToTheBanksOwnDigestsOrToPaddedOnesOfOlderKernels) {
  const auto list = parse_measurement_list(joined({first(), second()}));
  ASSERT_TRUE(list) << list.error().detail;
  const Bytes one = list->entries[0].template_data, two = list->entries[1].template_data;
  const auto padded = [](Bytes digest) {
    digest.resize(32, 0);
    return digest;
  };
  EXPECT_EQ(replay(*list, Algorithm::sha1, ImaForm::own_digest),
            chain(Algorithm::sha1, {sha1(one), sha1(two)}));
  EXPECT_EQ(replay(*list, Algorithm::sha256, ImaForm::own_digest),
            chain(Algorithm::sha256, {list_sha256(one), list_sha256(two)}));
  EXPECT_EQ(replay(*list, Algorithm::sha256, ImaForm::padded_sha1),
            chain(Algorithm::sha256, {padded(sha1(one)), padded(sha1(two))}));
  EXPECT_FALSE(replay(*list, Algorithm{0x27}, ImaForm::own_digest));
}

TEST(MeasurementList, AViolationExtendsAllOnes) {
  const auto list = parse_measurement_list(joined({first(), violation()}));
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_TRUE(list->entries[1].violation());
  const Bytes data = list->entries[0].template_data;
  Bytes old_ones(20, 0xff), old_first = sha1(data);
  old_ones.resize(32, 0);
  old_first.resize(32, 0);
  EXPECT_EQ(replay(*list, Algorithm::sha1, ImaForm::own_digest),
            chain(Algorithm::sha1, {sha1(data), Bytes(20, 0xff)}));
  EXPECT_EQ(replay(*list, Algorithm::sha256, ImaForm::own_digest),
            chain(Algorithm::sha256, {list_sha256(data), Bytes(32, 0xff)}));
  EXPECT_EQ(replay(*list, Algorithm::sha256, ImaForm::padded_sha1),
            chain(Algorithm::sha256, {old_first, old_ones}));
}

TEST(MeasurementList, AQuotedValueIsExplainedByTheShortestFirstPartThatGivesIt) {
  const auto list = parse_measurement_list(joined({first(), violation(), second()}));
  ASSERT_TRUE(list);
  const Bytes one = list_sha256(list->entries[0].template_data), ones(32, 0xff);
  EXPECT_EQ(explain(*list, Algorithm::sha256, Bytes(32, 0)),
            (MeasuredPart{0, 0, ImaForm::own_digest}));
  EXPECT_EQ(explain(*list, Algorithm::sha256, chain(Algorithm::sha256, {one})),
            (MeasuredPart{1, 0, ImaForm::own_digest}));
  EXPECT_EQ(explain(*list, Algorithm::sha256, chain(Algorithm::sha256, {one, ones})),
            (MeasuredPart{2, 1, ImaForm::own_digest}));
  EXPECT_EQ(
      explain(*list, Algorithm::sha256, *replay(*list, Algorithm::sha256, ImaForm::padded_sha1)),
      (MeasuredPart{3, 1, ImaForm::padded_sha1}));
  EXPECT_FALSE(explain(*list, Algorithm::sha256, chain(Algorithm::sha256, {ones, one})))
      << "another order";
  EXPECT_FALSE(explain(*list, Algorithm::sha256, chain(Algorithm::sha256, {ones})))
      << "the first is left out";
  EXPECT_FALSE(explain(*list, Algorithm::sha256, Bytes(20, 0))) << "a value of another bank";
}

TEST(MeasurementList, EntriesOfAnotherPcrAreReadAndNotReplayed) {
  const Bytes data = ima_ng_data("sha1", kZeroDigest, "/a");
  const auto list = parse_measurement_list(joined({first(), entry("ima-ng", data, 11), second()}));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->entries.size(), 3u);
  EXPECT_EQ(replay(*list, Algorithm::sha1, ImaForm::own_digest),
            chain(Algorithm::sha1, {list->entries[0].digest, list->entries[2].digest}));
  const Bytes &first_digest = list->entries[0].digest, &last_digest = list->entries[2].digest;
  EXPECT_EQ(replay(*list, Algorithm::sha1, ImaForm::own_digest, 11),
            chain(Algorithm::sha1, {sha1(data)}));
  EXPECT_EQ(explain(*list, Algorithm::sha1, chain(Algorithm::sha1, {first_digest, last_digest})),
            (MeasuredPart{3, 0, ImaForm::own_digest}));
  EXPECT_EQ(explain(*list, Algorithm::sha1, chain(Algorithm::sha1, {sha1(data)}), 11),
            (MeasuredPart{2, 0, ImaForm::own_digest}));
}

TEST(MeasurementList, EveryTruncationGivesTheWholeEntriesAndCountsTheRest) {
  const Bytes bytes = joined({first(), second()});
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    const ByteView part = ByteView(bytes).first(cut);
    if (cut < first().size()) {
      EXPECT_EQ(list_defect_of(part).fault, Fault::truncated) << cut;
      continue;
    }
    const auto list = parse_measurement_list(part);
    ASSERT_TRUE(list) << cut << list.error().detail;
    EXPECT_EQ(list->entries.size(), 1u);
    EXPECT_EQ(list->torn_bytes, cut - first().size());
  }
  const auto none = parse_measurement_list({});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->entries.empty());
}

TEST(MeasurementList, AChangedByteIsRefusedOrReplaysOtherwiseUnlessItIsTheTemplatesName) {
  const Bytes bytes = joined({first(), second()});
  const auto original =
      replay(*parse_measurement_list(bytes), Algorithm::sha256, ImaForm::own_digest);
  std::size_t refused = 0, otherwise = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes changed = bytes;
      changed[at] ^= static_cast<std::uint8_t>(1u << bit);
      const auto list = parse_measurement_list(changed);
      if (!list) {
        ++refused;
        continue;
      }
      const std::size_t in_entry = at < first().size() ? at : at - first().size();
      if (in_entry >= 28 && in_entry < 28 + 6) continue;  // the name: no digest covers it
      EXPECT_NE(replay(*list, Algorithm::sha256, ImaForm::own_digest), original)
          << at << " bit " << bit;
      ++otherwise;
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(otherwise, 0u);
}

TEST(MeasurementList, WhatNoKernelWritesIsRefusedWithItsPlace) {
  const std::string nul_path("/a\0b\0", 5),
      digest = std::string("sha1:\0", 6) + std::string(20, 'd');
  const std::string path("/a\0", 3);
  Bytes other = second();
  other.back() = 'x';
  const std::pair<Bytes, Fault> cases[] = {
      {other, Fault::commitment_mismatch},
      {entry("ima-ng", row({digest, path}), 24), Fault::value_out_of_range},
      {entry("ima-ng", row({digest, path, ""})), Fault::value_out_of_range},
      {entry("ima-ng", row({digest, "/a"})), Fault::value_out_of_range},
      {entry("ima-ng", row({digest, nul_path})), Fault::value_out_of_range},
      {entry("ima-ng", row({digest + "d", path})), Fault::value_out_of_range},
      {entry("ima-ng", row({std::string("sha9:\0", 6) + "d", path})), Fault::value_out_of_range},
      {entry("ima-ng", row({"no name", path})), Fault::value_out_of_range},
      {entry("ima-ng", {1, 0, 0}), Fault::value_out_of_range},
      {ima_entry(10, kZeroDigest, "", {}), Fault::value_out_of_range},
      {ima_entry(10, kZeroDigest, std::string(256, 'n'), {}), Fault::value_out_of_range},
      {entry("ima-buf", Bytes(kMaxTemplateDataBytes + 1)), Fault::value_out_of_range}};
  for (const auto& [bytes, fault] : cases) {
    const Defect defect = list_defect_of(joined({first(), bytes}));
    EXPECT_EQ(defect.fault, fault) << defect.detail;
    EXPECT_EQ(defect.at.value, first().size()) << defect.detail;
  }
  EXPECT_EQ(list_defect_of(Bytes(kMaxMeasurementListBytes + 1)).fault, Fault::value_out_of_range);
  EXPECT_FALSE(parse_measurement_list(first(), Algorithm{0x27}));
}

// The template's hash covers 255 bytes of path: a longer one could differ behind them unnoticed.
TEST(MeasurementList, APathOfTheOldTemplateHasAtMost255Bytes) {
  for (const std::size_t size : {255u, 256u}) {
    const std::string path(size, 'p');
    Bytes old = kZeroDigest, hashed = kZeroDigest;
    test::little32(old, static_cast<std::uint32_t>(size));
    old.insert(old.end(), path.begin(), path.end());
    hashed.insert(hashed.end(), path.begin(), path.end());
    hashed.resize(20 + 256, 0);
    const auto list = parse_measurement_list(ima_entry(10, sha1(hashed), "ima", old));
    ASSERT_EQ(list.has_value(), size == 255) << size;
    EXPECT_EQ(list ? list->entries[0].path : path, path);
  }
}

TEST(MeasurementList, MoreEntriesThanTheLimitAreRefused) {
  const Bytes small = ima_entry(10, kZeroDigest, "n", {});
  Bytes bytes;
  for (std::size_t i = 0; i < kMaxMeasurements; ++i)
    bytes.insert(bytes.end(), small.begin(), small.end());
  EXPECT_TRUE(parse_measurement_list(bytes));
  bytes.insert(bytes.end(), small.begin(), small.end());
  EXPECT_EQ(list_defect_of(bytes).at.value, kMaxMeasurements * small.size());
}

TEST(MeasurementList, AListOfAnotherBanksDigestsIsReadByItsOwnHash) {
  const Bytes data = ima_ng_data("sha256", list_sha256(view("a")), "/a");
  const auto list =
      parse_measurement_list(ima_entry(10, list_sha256(data), "ima-ng", data), Algorithm::sha256);
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_EQ(replay(*list, Algorithm::sha256, ImaForm::own_digest),
            chain(Algorithm::sha256, {list_sha256(data)}));
  EXPECT_EQ(replay(*list, Algorithm::sha1, ImaForm::own_digest),
            chain(Algorithm::sha1, {sha1(data)}));
  EXPECT_FALSE(replay(*list, Algorithm::sha256, ImaForm::padded_sha1)) << "it has no SHA-1 to pad";
}

// The lines that the kernel writes for the entries of a list: what the reader must turn back.
std::string ascii(const Measurement& entry, std::string_view fields) {
  return "10 " + to_hex(entry.digest) + " " + entry.template_name + " " + std::string(fields) +
         "\n";
}

TEST(AsciiMeasurementList, GivesTheSameEntriesAsTheBinaryOne) {
  const Bytes digest = list_sha256(view("a"));
  const std::string named = std::string("sha256:\0", 8) + std::string(digest.begin(), digest.end());
  const std::string path("/a\0", 3), hex = "sha256:" + to_hex(digest);
  Bytes old = sha1(view("a")), old_data = old;
  test::little32(old, 2);
  old.insert(old.end(), {'/', 'a'});
  old_data.insert(old_data.end(), {'/', 'a'});
  old_data.resize(276, 0);
  const auto binary = parse_measurement_list(joined(
      {ima_entry(10, sha1(old_data), "ima", old), entry("ima-ng", row({named, path})),
       entry("ima-sig", row({named, path, ""})), entry("ima-sig", row({named, path, "\3\2"})),
       entry("ima-modsig", row({named, path, "", "", "m"})), violation()}));
  ASSERT_TRUE(binary) << binary.error().detail;
  const auto& entries = binary->entries;
  const std::string text =
      ascii(entries[0], to_hex(sha1(view("a"))) + " /a") + ascii(entries[1], hex + " /a") +
      ascii(entries[2], hex + " /a ") + ascii(entries[3], hex + " /a 0302") +
      ascii(entries[4], hex + " /a   6d") + ascii(entries[5], "sha256:00 /var/log/open");
  const auto list = parse_ascii_measurement_list(text);
  ASSERT_TRUE(list) << list.error().at.value << list.error().detail;
  ASSERT_EQ(list->entries.size(), entries.size());
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
    EXPECT_EQ(list->entries[i].template_data, entries[i].template_data) << i;
    EXPECT_EQ(list->entries[i].path, "/a") << i;
  }
  EXPECT_TRUE(list->entries.back().violation());
  for (const Algorithm bank : {Algorithm::sha1, Algorithm::sha256, Algorithm::sha512}) {
    EXPECT_EQ(replay(*list, bank, ImaForm::own_digest), replay(*binary, bank, ImaForm::own_digest));
  }
}

TEST(AsciiMeasurementList, EveryTruncationGivesTheWholeLinesOrFewer) {
  const auto binary = parse_measurement_list(joined({first(), second()}));
  ASSERT_TRUE(binary);
  const auto& one = binary->entries[0];
  const auto& two = binary->entries[1];
  const std::string line = ascii(one, "sha256:" + to_hex(one.file_digest) + " boot_aggregate");
  const std::string text = line + ascii(two, "sha1:" + to_hex(two.file_digest) + " /sbin/init");
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    const auto list = parse_ascii_measurement_list(std::string_view(text).substr(0, cut));
    if (cut + 1 < line.size()) {
      ASSERT_FALSE(list) << cut;
      EXPECT_EQ(list.error().fault, Fault::truncated) << cut;
      continue;
    }
    ASSERT_TRUE(list) << cut;
    // A line that lacks only its end is whole: its digest says so.
    const bool both = cut + 1 == text.size();
    EXPECT_EQ(list->entries.size(), both ? 2u : 1u) << cut;
    EXPECT_EQ(list->torn_bytes, both || cut <= line.size() ? 0u : cut - line.size()) << cut;
  }
}

TEST(AsciiMeasurementList, AViolationIsReadWhateverItsFieldsAre) {
  const std::string zeros = to_hex(kZeroDigest);
  const auto list =
      parse_ascii_measurement_list("10 " + zeros + " ima-ng " + zeros +
                                   " /written/as/before/3.13\n10 " + zeros + " of-tomorrow ?\n");
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_EQ(replay(*list, Algorithm::sha1, ImaForm::own_digest),
            chain(Algorithm::sha1, {Bytes(20, 0xff), Bytes(20, 0xff)}));
}

TEST(AsciiMeasurementList, LinesThatAreNoEntriesAreRefusedWithTheirNumber) {
  const auto binary = parse_measurement_list(first());
  const auto& one = binary->entries[0];
  const std::string good = ascii(one, "sha256:" + to_hex(one.file_digest) + " boot_aggregate");
  const std::string digest = to_hex(one.digest);
  const std::pair<std::string, Fault> cases[] = {
      {"", Fault::value_out_of_range},
      {"this is no list", Fault::value_out_of_range},
      {"24 " + digest + " ima-ng sha1: /a", Fault::value_out_of_range},
      {"4294967306 " + digest + " ima-ng sha256:" + to_hex(one.file_digest) + " boot_aggregate",
       Fault::value_out_of_range},
      {"10 " + digest + "00 ima-ng sha1:00 /a", Fault::value_out_of_range},
      {"10 " + digest + "  sha1:00 /a", Fault::value_out_of_range},
      {"10 " + digest + " ima-ng sha1 /a", Fault::value_out_of_range},
      {"10 " + digest + " ima-ng sha1:00 /a b", Fault::value_out_of_range},
      {"10 " + digest + " ima 00 /a", Fault::value_out_of_range},
      {"10 " + digest + " evm-sig sha1:00 /a", Fault::version_unknown},
      {"10 " + digest + " of-tomorrow sha1:00 /a", Fault::version_unknown},
      {"10 " + digest + " ima-ng sha1:00 /a", Fault::commitment_mismatch}};
  for (const auto& [line, fault] : cases) {
    const auto list = parse_ascii_measurement_list(good + line + "\n" + good);
    ASSERT_FALSE(list) << line;
    EXPECT_EQ(list.error().fault, fault) << line << ": " << list.error().detail;
    EXPECT_EQ(list.error().at.what, Place::What::line);
    EXPECT_EQ(list.error().at.value, 2u) << line;
  }
}

}  // namespace
}  // namespace stele::attest::boot
