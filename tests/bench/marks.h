// What the benchmarks aim at, and whether it was reached: the ratio of two figures of one run, or one figure's bound.
//
// A mark says what is aimed at and nothing else; what is only interesting is printed beside, unmarked (ratios.cc).
// Thread safety: pure functions. Errors: none; what was not measured is said to be not run, never reached.
// See: tests/README.md, "What the benchmarks aim at".
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stele::bench {

// A benchmark's figure: "rate" (events a second), "megabytes" (a second), "ms" (of one iteration), or a counter's name.
struct Figure {
  std::string_view benchmark = {};
  std::string_view what = {};
};

enum class Bound { at_least, at_most };

struct Mark {
  std::string_view aim;
  Figure ours;
  Figure beside;  // no benchmark: ours itself is bounded
  Bound bound;
  double value;
};

enum class Outcome { reached, missed, not_run };

struct Judged {
  Outcome outcome = Outcome::not_run;
  double figure = 0;  // the ratio, or ours; 0 where it was not run
  double ours = 0, beside = 0;
};

// Of every repetition, by benchmark and figure.
using Figures = std::map<std::pair<std::string, std::string>, std::vector<double>, std::less<>>;

double median(std::vector<double> values);  // of at least one
Judged judge(const Mark& mark, const Figures& figures);
// One line: outcome, figure, bound, aim.
std::string line(const Mark& mark, const Judged& judged);

std::span<const Mark> marks();

}  // namespace stele::bench
