// Goal: a report says the same as JSON, as text and as exit code, and nothing of the host's reaches
// a terminal or a JSON reader raw. Method: every combination of verdicts against the rule written
// out; reports with hostile text.
#include "attest/report.h"

#include <gtest/gtest.h>

#include <memory>

#include "attest/report_draft.h"

namespace stele::attest {
namespace {

TEST(Report, TheConclusionFollowsFromTheVerdicts) {
  constexpr Outcome kAll[] = {Outcome::pass, Outcome::fail, Outcome::unknown};
  int cases = 0;
  for (const Outcome i : kAll) {
    for (const Outcome c : kAll) {
      for (const Outcome f : kAll) {
        for (const Outcome p : kAll) {
          for (int flags = 0; flags < 8; ++flags) {
            const bool trusted = flags & 1, asked = flags & 2, required = flags & 4;
            Report report;
            report.integrity = i, report.completeness = c, report.freshness = f,
            report.platform = p;
            Conclusion expected = Conclusion::verified;
            if (!trusted || required || i == Outcome::unknown || c == Outcome::unknown ||
                (asked && f == Outcome::unknown)) {
              expected = Conclusion::undetermined;
            }
            if (i == Outcome::fail || c == Outcome::fail || f == Outcome::fail ||
                p == Outcome::fail) {
              expected = Conclusion::tampered;
            }
            EXPECT_EQ(conclude(report, trusted, asked, required), expected);
            ++cases;
          }
        }
      }
    }
  }
  EXPECT_EQ(cases, 648);
}

TEST(Report, ExitCodesAreThoseOfTheManual) {
  EXPECT_EQ(exit_code(Conclusion::verified), 0);
  EXPECT_EQ(exit_code(Conclusion::tampered), 1);
  EXPECT_EQ(exit_code(Conclusion::undetermined), 2);
}

TEST(Report, JsonIsTheSchemaToTheByte) {
  Report report;
  report.what = Presented::store;
  report.origin = "a/b";
  report.tree = empty_tree();
  report.mode = Mode::b;
  report.final_through = FinalThrough{1, 4, FinalThrough::By::two_behind};
  report.tpm_kind = TpmKind::simulator;
  report.tpm_manufacturer = "IBM";
  report.tpm_model = "SW";
  report.identity = "pinned-key";
  report.boots = {BootFigures::Policy::rules, 2, 1, 0};
  report.coverage.counter_anchored = 1;
  report.coverage.unanchored_since_ns = 0;
  report.defects.push_back({Fault::commitment_mismatch, Place::index(7), "a \"b\""});
  report.defect_count = 1;
  report.findings.push_back({Finding::mode_b, {}, "x\ty"});
  report.finding_count = 1;
  EXPECT_EQ(
      to_json(report),
      "{\"schema\":\"stele.verdict/1\",\"conclusion\":\"undetermined\",\"integrity\":\"unknown\","
      "\"completeness\":\"unknown\",\"freshness\":\"unknown\",\"platform\":\"unknown\","
      "\"log\":{\"origin\":\"a/"
      "b\",\"id\":\"0000000000000000000000000000000000000000000000000000000000000000\","
      "\"size\":0,\"root\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},"
      "\"coverage\":{\"counter_anchored\":1,\"quote_anchored\":0,\"unanchored\":0,\"lost\":0,"
      "\"unanchored_since\":\"1970-01-01T00:00:00.000000000Z\",\"boots\":0,\"boots_without_log\":0,"
      "\"unclean_ends\":0,\"unexplained_resets\":0,\"longest_exposure_s\":0},"
      "\"anchors\":{\"counter\":0,\"quote\":0,\"newest\":null,\"mode\":\"b\","
      "\"final_through\":{\"seq\":1,\"size\":4,\"by\":\"two_behind\"}},"
      "\"tpm\":{\"kind\":\"simulator\",\"manufacturer\":\"IBM\",\"model\":\"SW\",\"identity\":"
      "\"pinned-key\"},"
      "\"boots\":{\"policy\":\"rules\",\"starts\":2,\"approved\":1,\"unexplained\":0},"
      "\"defects\":[{\"verdict\":\"integrity\",\"fault\":\"commitment_mismatch\",\"at\":{\"index\":"
      "7},"
      "\"detail\":\"a \\\"b\\\"\"}],"
      "\"findings\":[{\"finding\":\"mode_b\",\"at\":{},\"detail\":\"x\\\\x09y\"}],"
      "\"what\":\"store\",\"held\":null,\"defect_count\":1,\"finding_count\":1}");
}

TEST(Report, HostileTextIsShownEscaped) {
  Report report;
  report.origin = "log\x1b]0;owned\a";
  report.findings.push_back({Finding::journal_remark, {}, "\x1b[2J\r\xff\xc2\x9b"});
  for (const std::string& text : {to_text(report), to_json(report)}) {
    for (const char c : text) {
      EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
      EXPECT_NE(c, '\x7f');
    }
    EXPECT_EQ(text.find('\xff'), std::string::npos);
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
  }
}

TEST(Report, TextNamesTheFirstBadRecordAndEndsWithConclusionAndNextStep) {
  Report report;
  report.conclusion = Conclusion::tampered;
  report.defects.push_back({Fault::commitment_mismatch, Place::index(9), ""});
  report.defects.push_back({Fault::commitment_mismatch, Place::index(4), ""});
  report.defect_count = 2;
  const std::string text = to_text(report);
  EXPECT_NE(text.find("first bad      record 4\nconclusion     tampered\nnext "), std::string::npos)
      << text;
}

std::string next_step_of(std::vector<Defect> defects, Outcome completeness) {
  Report report;
  report.conclusion = Conclusion::undetermined;
  report.identity = "pinned-key";
  report.integrity = Outcome::pass;
  report.completeness = completeness;
  report.defect_count = defects.size();
  report.defects = std::move(defects);
  const std::string text = to_text(report);
  return text.substr(text.find("\nnext "));
}

// An anchor is no cure for what anchors do not settle.
TEST(Report, TheNextStepIsOneThatHelps) {
  const auto unknown = [](Fault fault) {
    return next_step_of({{fault, Place::anchor(1), ""}}, Outcome::unknown);
  };
  EXPECT_NE(unknown(Fault::no_anchor).find("make another counter anchor"), std::string::npos);
  EXPECT_NE(unknown(Fault::read_back_rule).find("two more counter anchors"), std::string::npos);
  const std::string foreign = unknown(Fault::foreign_extend);
  EXPECT_NE(foreign.find("who extended P"), std::string::npos);
  EXPECT_EQ(foreign.find("stele anchor"), std::string::npos);
  const std::string required = next_step_of({}, Outcome::pass);
  EXPECT_NE(required.find("--require"), std::string::npos);
  const std::string run_changed =
      next_step_of({{Fault::answer_run_changed, Place::anchor(1), ""}}, Outcome::pass);
  EXPECT_NE(run_changed.find("fresh answer"), std::string::npos);
}

// All the lines of what is to be done about these faults. Where completeness is unknown, integrity may
// not pass either.
std::string steps_of(const std::vector<Fault>& faults, bool required = false,
                     Presented what = Presented::store) {
  Report report;
  report.identity = "pinned-key";
  report.what = what;
  report.required_found = required;
  report.integrity = report.completeness = Outcome::pass;
  for (const Fault fault : faults) {
    report.defects.push_back({fault, {}, ""});
    const VerdictKind verdict = verdict_of(fault);
    if (verdict == VerdictKind::completeness) report.completeness = Outcome::unknown;
    if (verdict == VerdictKind::integrity || verdict == VerdictKind::completeness) {
      report.integrity = Outcome::unknown;
    }
  }
  report.defect_count = report.defects.size();
  const std::string text = to_text(report);
  return text.substr(text.find("\nnext "));
}
int count_of(const std::string& part, const std::string& text) {
  int count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// What lacks an anchor has other open questions as well.
TEST(Report, NoAdviceHidesAnother) {
  const std::string anchor = "make another counter anchor";
  struct Case {
    Fault beside;
    std::string words;
  };
  for (const Case& one : {Case{Fault::kind_unknown, "newer stele-verify"},
                          Case{Fault::version_unknown, "newer stele-verify"},
                          Case{Fault::quorum_not_reached, "log's witnesses"},
                          Case{Fault::cosigned_head_unsigned, "witness named above"},
                          Case{Fault::era_not_approved, "stele era sign"},
                          Case{Fault::acknowledgement_unmatched, "the anchor named above"},
                          Case{Fault::foreign_extend, "who extended P"},
                          Case{Fault::answer_missing, "fresh answer"},
                          Case{Fault::answer_run_changed, "fresh answer"}}) {
    SCOPED_TRACE(name(one.beside));
    const std::string steps = steps_of({Fault::no_anchor, one.beside});
    EXPECT_NE(steps.find(one.words), steps.npos) << steps;
    EXPECT_NE(steps.find(anchor), steps.npos) << steps;
    EXPECT_EQ(count_of("\nnext ", steps), 2) << steps;
    EXPECT_EQ(steps, steps_of({one.beside, Fault::no_anchor})) << "whichever is found first";
  }
  const std::string required = steps_of({Fault::no_anchor}, true);
  EXPECT_NE(required.find(anchor), required.npos);
  EXPECT_NE(required.find("--require"), required.npos);
  // An anchor that is one of two more is not asked for twice.
  const std::string buried = steps_of({Fault::no_anchor, Fault::read_back_rule});
  EXPECT_EQ(count_of("\nnext ", buried), 1) << buried;
  const std::string proof =
      steps_of({Fault::checkpoint_unsigned, Fault::no_anchor}, false, Presented::tlog_proof);
  EXPECT_NE(proof.find("--checkpoint-key"), proof.npos);
  EXPECT_NE(proof.find("its receipt in it"), proof.npos);
  EXPECT_EQ(count_of("\nnext ", proof), 2) << proof;
}

TEST(Report, WhereOneQuestionIsOpenThereIsOneStep) {
  for (int i = 0; i <= static_cast<int>(Fault::checkpoint_unsigned); ++i) {
    const auto fault = static_cast<Fault>(i);
    if (outcome_of(fault) != Outcome::unknown) continue;
    EXPECT_EQ(count_of("\nnext ", steps_of({fault})), 1) << name(fault) << steps_of({fault});
  }
}

// A witness's time is its own word, any 64 bits.
TEST(Report, ACopyThatBrokeOffIsFetchedAgainBeforeAnybodyIsDistrusted) {
  Report report;
  report.conclusion = Conclusion::tampered;
  const auto says = [&](Presented what, std::vector<Defect> defects) {
    report.what = what;
    report.defects = std::move(defects);
    return to_text(report).find("fetch it again") != std::string::npos;
  };
  const Defect cut(Fault::truncated, {}, "it ends before its end part");
  EXPECT_TRUE(says(Presented::bundle, {cut}));
  EXPECT_FALSE(says(Presented::bundle, {cut, Defect(Fault::signature_invalid, {}, "")}));
  EXPECT_FALSE(says(Presented::store, {cut}));
}

TEST(Report, AWitnesssTimeIsReadableWhateverItIs) {
  const auto words = [](std::uint64_t time_s) {
    const auto report = std::make_unique<Report>();  // on the stack g++ 12 takes it for uninitialised
    report->witnesses.emplace().witnesses.push_back({"w", 6, time_s});
    const std::string text = to_text(*report);
    const auto at = text.find("saw the first 6 at ");
    return text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_EQ(words(1'795'685'303), "saw the first 6 at 2026-11-26T09:28:23Z, by its own clock");
  EXPECT_EQ(words(0), "saw the first 6 at 1970-01-01T00:00:00Z, by its own clock");
  EXPECT_EQ(words(9'223'372'036), "saw the first 6 at 2262-04-11T23:47:16Z, by its own clock");
  EXPECT_EQ(words(9'223'372'037), "saw the first 6 at 9223372037 s since 1970, by its own clock");
  EXPECT_EQ(words(~std::uint64_t{0}),
            "saw the first 6 at 18446744073709551615 s since 1970, by its own clock");
}

}  // namespace
}  // namespace stele::attest
