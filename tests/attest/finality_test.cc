// Goal: of two histories that one TPM can have made, in whatever turns, never both are final where
// they differ; and what cannot be forked any more is called final. Method: every sequence of full
// and read-back receipts up to seven anchors, each against each other that one TPM allows; logs on
// paper; what a memory and a live answer add.
#include "attest/finality.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/paper_log.h"

namespace stele::attest {
namespace {

using test::PaperLog;
using test::trusting;
using By = FinalThrough::By;

constexpr std::size_t kMostAnchors = 7;

// Every word of f (full) and r (read-back) of so many letters.
std::vector<std::string> words(std::size_t letters) {
  std::vector<std::string> out;
  for (unsigned bits = 0; bits < 1u << letters; ++bits) {
    std::string word;
    for (std::size_t i = 0; i < letters; ++i) word += (bits >> i & 1) != 0 ? 'r' : 'f';
    out.push_back(word);
  }
  return out;
}

std::vector<std::string> all_words() {
  std::vector<std::string> out;
  for (std::size_t letters = 0; letters <= kMostAnchors; ++letters) {
    for (std::string& word : words(letters)) out.push_back(std::move(word));
  }
  return out;
}

ReceiptKind kind_of(char letter) {
  return letter == 'r' ? ReceiptKind::read_back : ReceiptKind::full;
}

// The seq it says; 0: none.
std::uint64_t final_through(Mode mode, const std::string& word) {
  Finality finality(mode);
  for (std::size_t i = 0; i < word.size(); ++i) {
    finality.counter_anchor(i + 1, 10 * (i + 1), kind_of(word[i]));
  }
  if (!finality.through()) return 0;
  EXPECT_EQ(finality.through()->size, 10 * finality.through()->seq);
  return finality.through()->seq;
}

// Whether one TPM can make both when they differ from this anchor on: of one counter value there is
// one exclusive receipt.
bool one_tpm_makes(const std::string& a, const std::string& b, std::size_t differ_from) {
  for (std::size_t i = differ_from; i <= std::min(a.size(), b.size()); ++i) {
    if (a[i - 1] == 'f' && b[i - 1] == 'f') return false;
  }
  return a.substr(0, std::min(differ_from - 1, b.size())) ==
         b.substr(0, std::min(differ_from - 1, a.size()));
}

TEST(Finality, NoTwoHistoriesOfOneTpmAreFinalWhereTheyDiffer) {
  const std::vector<std::string> all = all_words();
  std::uint64_t pairs = 0;
  for (const std::string& a : all) {
    for (const std::string& b : all) {
      for (std::size_t from = 1; from <= std::min(a.size(), b.size()); ++from) {
        if (!one_tpm_makes(a, b, from)) continue;
        ++pairs;
        const bool both = final_through(Mode::b, a) >= from && final_through(Mode::b, b) >= from;
        EXPECT_FALSE(both) << a << " and " << b << " from anchor " << from;
      }
    }
  }
  EXPECT_GT(pairs, 1000u);
}

// With one anchor fewer behind it a fork can become final: the rule is not stricter than it must
// be.
TEST(Finality, OfTheNewestTwoAnchorsAForkCanBecomeFinal) {
  struct Fork {
    std::string shown, other;
    std::size_t differ_from;
  };
  for (const Fork& fork : {Fork{"fffff", "ffffrff", 5}, Fork{"ffffr", "fffrff", 4}}) {
    EXPECT_TRUE(one_tpm_makes(fork.shown, fork.other, fork.differ_from));
    EXPECT_EQ(final_through(Mode::b, fork.shown), 3u);
    EXPECT_GE(final_through(Mode::b, fork.other), fork.differ_from);
  }
}

TEST(Finality, WhileTheRuleIsKeptItIsTheNewestButTwoAndThenStaysWhereItIs) {
  for (const std::string& word : all_words()) {
    std::uint64_t expected = 0;
    for (std::size_t n = 3; n <= word.size(); ++n) {
      const std::string so_far = word.substr(0, n);
      const auto close = [&so_far](std::size_t i) {
        return std::count(so_far.begin() + static_cast<std::ptrdiff_t>(i),
                          so_far.begin() + static_cast<std::ptrdiff_t>(i + 3), 'r') > 1;
      };
      bool kept = true;
      for (std::size_t i = 0; i + 3 <= n; ++i) kept = kept && !close(i);
      if (kept) expected = n - 2;
    }
    EXPECT_EQ(final_through(Mode::b, word), expected) << word;
    EXPECT_EQ(final_through(Mode::a, word), word.size()) << word;
  }
}

PaperLog with_held_receipts(Mode mode, std::string_view kinds) {
  PaperLog log(mode);
  log.bundle();
  for (const char kind : kinds) {
    log.events(1);
    if (kind == 'f') {
      log.counter();
    } else {
      log.open_counter();
      log.read_back_open(true);
    }
  }
  return log;
}

TEST(Finality, AVerdictNamesTheAnchorAndItsRecords) {
  for (std::size_t letters = 0; letters <= 4; ++letters) {
    for (const std::string& word : words(letters)) {
      const Report b = with_held_receipts(Mode::b, word).appraise();
      const std::uint64_t seq = final_through(Mode::b, word);
      EXPECT_EQ(b.final_through.has_value(), seq > 0) << word;
      if (b.final_through) {
        EXPECT_EQ(*b.final_through, (FinalThrough{seq, 1 + seq, By::two_behind})) << word;
      }
      const Report a = with_held_receipts(Mode::a, word).appraise();
      EXPECT_EQ(a.final_through.has_value(), !word.empty());
      if (a.final_through) {
        EXPECT_EQ(*a.final_through, (FinalThrough{letters, 1 + letters, By::mode_a})) << word;
      }
    }
  }
  const std::string text = to_text(with_held_receipts(Mode::b, "ffff").appraise());
  EXPECT_NE(text.find("final          up to anchor 2, 3 records: two counter anchors stand"),
            std::string::npos)
      << text;
}

TEST(Finality, NothingIsFinalWhereTheLogWasTamperedWithOrNothingWasChecked) {
  PaperLog log = with_held_receipts(Mode::a, "fff");
  EXPECT_FALSE(log.appraise(Options{}).final_through);
  EXPECT_EQ(to_text(log.appraise(Options{})).find("\nfinal "), std::string::npos);
  log.records[2].bytes[0] ^= 1;
  EXPECT_FALSE(log.appraise().final_through);
}

Memory remembered_state(const PaperLog& log) {
  return log.chain->memory();
}

TEST(Finality, WhatAVerifierRemembersIsFinalForIt) {
  for (const bool quote : {false, true}) {
    PaperLog log = with_held_receipts(Mode::b, "fff");
    if (quote) {
      log.events(2);
      log.quote();
    }
    Options options = trusting(log);
    options.memory = remembered_state(log);
    log.events(1);
    log.counter();
    const Report report = log.appraise(options);
    EXPECT_EQ(*report.final_through, (FinalThrough{3, quote ? 6u : 4u, By::memory}));
    EXPECT_NE(to_text(report).find("this verifier remembers it"), std::string::npos);
    // Once two stand behind it, the receipts say as much by themselves.
    log.counter();
    log.counter();
    EXPECT_EQ(log.appraise(options).final_through->by, By::two_behind);
    // Another history that the memory does not know is nothing to be final in.
    EXPECT_FALSE(with_held_receipts(Mode::b, "ffff").appraise(options).final_through);
  }
}

// Whoever knows ownerAuth can put another history into E once the answer is given.
TEST(Finality, ALiveAnswerAddsNothing) {
  PaperLog log = with_held_receipts(Mode::b, "ffff");
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  const Bytes answer = log.answer(*options.nonce);
  const Report report = log.appraise(options, answer);
  EXPECT_EQ(report.freshness, Outcome::pass) << to_text(report);
  EXPECT_EQ(*report.final_through, (FinalThrough{2, 3, By::two_behind}));
}

TEST(Finality, AnEraBeginsAnew) {
  PaperLog log = with_held_receipts(Mode::b, "ffff");
  log.begin_era(test::PaperTpm(), std::nullopt);
  log.start();
  Options options = trusting(log);
  options.eras_approved = true;
  const Report first = log.appraise(options);
  EXPECT_FALSE(first.final_through) << to_text(first);
  log.counter();
  log.counter();
  EXPECT_EQ(log.appraise(options).final_through->seq, 1u);
}

}  // namespace
}  // namespace stele::attest
