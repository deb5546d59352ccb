// Goal: a mark is said to be reached where it is, and never else. Method: each mark of the table at its bound, just
// beyond and just short of it, with a side that was not measured; the table against the targets of the design.
#include "tests/bench/marks.h"

#include <gtest/gtest.h>

#include <iterator>
#include <set>

namespace stele::bench {
namespace {

std::pair<std::string, std::string> key(const Figure& figure) {
  return {std::string(figure.benchmark), std::string(figure.what)};
}

// Figures of which this mark's is just this one; what stands beside is 1,000.
Figures with(const Mark& mark, double figure) {
  Figures out;
  const bool alone = mark.beside.benchmark.empty();
  if (!alone) out[key(mark.beside)] = {1000};
  out[key(mark.ours)] = {alone ? figure : figure * 1000};
  return out;
}

TEST(Marks, EachIsReachedAtItsBoundAndMissedJustShortOfIt) {
  for (const Mark& mark : marks()) {
    const double better = mark.bound == Bound::at_least ? 1 + 1e-9 : 1 - 1e-9;
    EXPECT_EQ(judge(mark, with(mark, mark.value)).outcome, Outcome::reached) << mark.aim;
    EXPECT_EQ(judge(mark, with(mark, mark.value * better)).outcome, Outcome::reached) << mark.aim;
    EXPECT_EQ(judge(mark, with(mark, mark.value / better)).outcome, Outcome::missed) << mark.aim;
  }
}

TEST(Marks, WhatWasNotMeasuredIsNeverReached) {
  for (const Mark& mark : marks()) {
    Figures figures = with(mark, mark.value);
    figures.erase(key(mark.ours));
    EXPECT_EQ(judge(mark, figures).outcome, Outcome::not_run) << mark.aim;
    figures = with(mark, mark.value);
    figures[key(mark.ours)].clear();
    EXPECT_EQ(judge(mark, figures).outcome, Outcome::not_run) << mark.aim;
    if (mark.beside.benchmark.empty()) continue;
    figures = with(mark, mark.value);
    figures.erase(key(mark.beside));
    EXPECT_EQ(judge(mark, figures).outcome, Outcome::not_run) << mark.aim;
    figures[key(mark.beside)] = {0};
    EXPECT_EQ(judge(mark, figures).outcome, Outcome::not_run) << mark.aim;
  }
}

TEST(Marks, TheMedianOfTheRepetitionsIsJudged) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({5}), 5);
  const Mark mark{"ours", {"ours", "rate"}, {"ceiling", "rate"}, Bound::at_least, 0.7};
  Figures figures;
  figures[key(mark.ours)] = {700, 100, 900};
  figures[key(mark.beside)] = {5000, 1000, 200};
  const Judged judged = judge(mark, figures);
  EXPECT_EQ(judged.outcome, Outcome::reached);
  EXPECT_DOUBLE_EQ(judged.figure, 0.7);
  EXPECT_EQ(judged.ours, 700);
  EXPECT_EQ(judged.beside, 1000);
}

TEST(Marks, ALineSaysOutcomeFigureBoundAndAim) {
  const Mark ratio{"ours, of the ceiling", {"ours", "rate"}, {"ceiling", "rate"}, Bound::at_least, 0.7};
  EXPECT_EQ(line(ratio, judge(ratio, with(ratio, 0.75))),
            "reached 0.750 (at least 0.700)  ours, of the ceiling: 750.0 of 1000");
  EXPECT_EQ(line(ratio, judge(ratio, with(ratio, 0.694))),
            "MISSED  0.694 (at least 0.700)  ours, of the ceiling: 694.0 of 1000");
  EXPECT_EQ(line(ratio, judge(ratio, {})), "not run (at least 0.700)  ours, of the ceiling");
  const Mark time{"first page, ms", {"page", "ms"}, {}, Bound::at_most, 10};
  EXPECT_EQ(line(time, judge(time, with(time, 12.3))), "MISSED  12.3 (at most 10.0)  first page, ms");
}

// What the design states, ours and what stands beside it, each once.
TEST(Marks, TheTableIsTheDesigns) {
  struct Target {
    const char* ours;
    const char* beside;
    Bound bound;
    double value;
  };
  const Target targets[] = {
      {"append_through_socket", "ceiling/full", Bound::at_least, 0.70},
      {"append_with_look_up", "append_through_socket", Bound::at_least, 0.80},
      {"append_through_tcp/lines", "append_through_socket", Bound::at_least, 0.50},
      {"append_through_tcp/counted", "append_through_socket", Bound::at_least, 0.50},
      {"verify/jobs:2", "ceiling/verify/jobs:2", Bound::at_least, 0.75},
      {"verify/jobs:2", "ceiling/openssl_dgst", Bound::at_least, 0.80},
      {"acknowledged/1/1", "ceiling/acknowledged/1/1", Bound::at_least, 0.80},
      {"acknowledged/64/1", "ceiling/acknowledged/64/1", Bound::at_least, 0.80},
      {"acknowledged/8/64", "ceiling/acknowledged/8/64", Bound::at_least, 0.80},
      {"acknowledged/8/1000", "ceiling/acknowledged/8/1000", Bound::at_least, 0.80},
      {"acknowledged/paced/8/0", "", Bound::at_most, 15'000},
      {"look_up_feed", "", Bound::at_most, 130},
      {"pack_real", "pack_real", Bound::at_most, 0.5},
      {"page_of_actor/1000000/50", "", Bound::at_most, 10},
      {"page_of_actor/1000000/1000", "", Bound::at_most, 10},
      {"page_of_actor/10000000/50", "", Bound::at_most, 50},
      {"page_of_actor/10000000/1000", "", Bound::at_most, 50},
      {"page_of_action/1000000/50", "", Bound::at_most, 10},
      {"page_of_action/1000000/1000", "", Bound::at_most, 10},
      {"page_of_action/10000000/50", "", Bound::at_most, 50},
      {"page_of_action/10000000/1000", "", Bound::at_most, 50},
      {"grep", "", Bound::at_least, 1'500},
  };
  ASSERT_EQ(marks().size(), std::size(targets));
  std::set<std::string_view> aims;
  for (std::size_t i = 0; i < std::size(targets); ++i) {
    const Mark& mark = marks()[i];
    EXPECT_EQ(mark.ours.benchmark, targets[i].ours);
    EXPECT_EQ(mark.beside.benchmark, targets[i].beside);
    EXPECT_EQ(mark.bound, targets[i].bound) << mark.aim;
    EXPECT_EQ(mark.value, targets[i].value) << mark.aim;
    EXPECT_TRUE(aims.insert(mark.aim).second) << mark.aim;
  }
}

}  // namespace
}  // namespace stele::bench
