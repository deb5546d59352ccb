// Goal: no change of a store is ever accepted (families 21 to 25), and nothing that a crash or an
// honest cut leaves is called tampering. Method: every case of tamper_cases.h is judged in process as
// stele-verify does; a line per family counts what was injected, lost, falsely alarmed, missed.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "attest/merkle.h"
#include "storage/segment_format.h"
#include "tests/tamper/tamper_cases.h"

namespace stele::test {
namespace {

std::string describe(const attest::Report& report) {
  std::string text = std::string(name(report.conclusion)) + ", size " + std::to_string(report.tree.size);
  for (const attest::Defect& defect : report.defects) {
    text += "; " + std::string(name(defect.fault)) + " at " + std::string(name(defect.at.what)) + " " +
            std::to_string(defect.at.value) + " (" + defect.detail + ")";
  }
  return text;
}

// Judges every case that it is given, and counts.
struct Tally {
  std::uint64_t injected = 0, false_alarms = 0, missed = 0, undetermined = 0;

  CaseVisitor visitor() {
    return [this](const TamperCase& bent) {
      ++injected;
      const attest::Report report = appraise(bent.files, tamper_base().trust);
      if (report.conclusion == attest::Conclusion::undetermined) ++undetermined;
      if (is_missed(tamper_base(), bent, report)) {
        if (++missed <= 10) ADD_FAILURE() << "missed " << bent.name << ": " << describe(report);
      }
      if (is_false_alarm(bent, report)) {
        if (++false_alarms <= 10) ADD_FAILURE() << "false alarm " << bent.name << ": " << describe(report);
      }
    };
  }
  void report(const std::string& family) const {
    std::cout << "family " << family << ": injected " << injected << ", lost 0, false alarms " << false_alarms
              << ", missed " << missed << "  (" << undetermined << " of them undetermined)" << std::endl;
    EXPECT_GT(injected, 0u);
    EXPECT_EQ(false_alarms, 0u);
    EXPECT_EQ(missed, 0u);
  }
};

TEST(Tamper, TheGoodStoreIsVerifiedAndSmall) {
  MemoryFiles files = tamper_base().files;
  const attest::Report report = appraise(files, tamper_base().trust);
  EXPECT_EQ(report.conclusion, attest::Conclusion::verified) << describe(report);
  EXPECT_EQ(report.tree.root, tamper_base().roots.back());
  EXPECT_EQ(report.counter_anchors, 2u);
  EXPECT_EQ(report.quote_anchors, 3u);
  std::size_t bytes = 0;
  for (const auto& [path, its] : files.files) bytes += its.size();
  EXPECT_LE(bytes, 64u << 10);
  EXPECT_EQ(files.files.size(), 6u) << "three segments, three journal files";
}

TEST(Tamper, WhatCrashesAndHonestCutsLeaveIsVerified) {
  Tally tally;
  benign_cases(tamper_base(), tally.visitor());
  EXPECT_EQ(tally.false_alarms + tally.missed, 0u);
}

// One test a file, so that they may run side by side.
class EveryFlippedBit : public testing::TestWithParam<std::string> {};

TEST_P(EveryFlippedBit, IsNeverVerifiedWithChangedContent) {
  ASSERT_TRUE(tamper_base().files.files.contains(GetParam()));
  Tally tally;
  bit_flips(tamper_base(), 1, GetParam(), tally.visitor());
  tally.report("21");
}

INSTANTIATE_TEST_SUITE_P(Tamper, EveryFlippedBit,
                         testing::Values(MemoryFiles::segment(0), MemoryFiles::segment(1), MemoryFiles::segment(2),
                                         MemoryFiles::journal(0), MemoryFiles::journal(1), MemoryFiles::journal(2)),
                         [](const auto& tested) {
                           const std::string& path = tested.param;
                           return path.substr(0, path.find('/')) + path.substr(path.size() - 1);
                         });

TEST(Tamper, EveryFileCutAtEveryLengthIsNeverVerifiedWithChangedContent) {
  Tally tally;
  cuts(tamper_base(), 1, tally.visitor());
  tally.report("22");
}

TEST(Tamper, EveryRecordDeletedDuplicatedOrSwappedIsTampering) {
  Tally tally;
  record_moves(tamper_base(), tally.visitor());
  tally.report("23");
}

TEST(Tamper, EveryFileSegmentAndAnchorDeletedDuplicatedSwappedOrSplicedIsTampering) {
  Tally tally;
  file_moves(tamper_base(), tally.visitor());
  segment_moves(tamper_base(), tally.visitor());
  anchor_moves(tamper_base(), tally.visitor());
  tally.report("24");
}

TEST(Tamper, AForgeryWithEveryUnkeyedHashRecomputedFailsAtTheAnchor) {
  Tally tally;
  forgeries(tamper_base(), tally.visitor());
  tally.report("25");
  forgeries(tamper_base(), [](const TamperCase& bent) {
    const attest::Report report = appraise(bent.files, tamper_base().trust);
    // Made to fit each other, records and statements fail where the TPM signed: at the first anchor.
    // With the statements left alone, the records fail against the first that covers them.
    const bool statements_too = bent.name.find("-B-") != std::string::npos;
    const bool found = std::any_of(report.defects.begin(), report.defects.end(), [&](const attest::Defect& defect) {
      return statements_too ? defect.at.what == attest::Place::What::anchor
                            : defect.fault == attest::Fault::tree_root_mismatch;
    });
    EXPECT_TRUE(found) << bent.name << ": " << describe(report);
  });
}

// The good store, and behind it segments that hold no group, whose headers state these roots.
MemoryFiles with_empty_segments(const std::vector<std::vector<attest::Hash>>& roots) {
  MemoryFiles files = tamper_base().files;
  const attest::Bytes last = files.files.at(MemoryFiles::segment(2));
  storage::SegmentHeader header;
  header.log_id = tamper_base().trust.log_id;
  header.number = 3;
  header.first_index = tamper_base().roots.size() - 1;
  std::copy(last.end() - 32, last.end(), header.previous_checksum.bytes.begin());
  for (const auto& its : roots) {
    header.roots = its;
    files.files[MemoryFiles::segment(header.number++)] = encode(header);
  }
  return files;
}

TEST(Tamper, ASegmentWithoutAGroupStatesTheRootsOfTheRecordsToo) {
  attest::CompactRange tree;
  PaperStore paper = tamper_base().paper;
  for (const PaperRecord* const record : paper.records()) tree.append(attest::leaf_hash(attest::encode(record->leaf)));
  const std::vector<attest::Hash> good = tree.roots();
  const std::vector<attest::Hash> bad(good.size(), attest::hash(attest::view("bad")));
  const auto judged = [](const std::vector<std::vector<attest::Hash>>& roots) {
    MemoryFiles files = with_empty_segments(roots);
    return appraise(files, tamper_base().trust);
  };
  EXPECT_EQ(judged({good}).conclusion, attest::Conclusion::verified) << describe(judged({good}));
  EXPECT_EQ(judged({good, good}).conclusion, attest::Conclusion::verified);
  EXPECT_EQ(judged({good, bad}).conclusion, attest::Conclusion::tampered);
  EXPECT_EQ(judged({bad, good}).conclusion, attest::Conclusion::tampered);
  EXPECT_EQ(judged({bad, bad}).conclusion, attest::Conclusion::tampered);
  EXPECT_EQ(judged({bad}).conclusion, attest::Conclusion::tampered);
  EXPECT_EQ(judged({bad}).defects.at(0).fault, attest::Fault::tree_node_mismatch);
}

}  // namespace
}  // namespace stele::test
