// Goal: the virtual TPM answers as a real one does: values, session digests, exclusiveness, PCRs,
// counts, the safe bit and error codes, over resets, restarts, resumes and power cuts.
// Method: the same random commands to it and to a provisioned private swtpm through ESYS, the
// answers compared as text after each; 1,000 sequences in four lives of a chip.
#include "tests/simulation/virtual_tpm.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tests/simulation/tpm_runners.h"

namespace stele::test {
namespace {

using Power = Swtpm::Power;

// Mostly what an anchor does, in its order or nearly so; else anything.
Command any_command(std::mt19937_64& random, std::size_t sessions, std::size_t& next,
                    bool extend_gone) {
  constexpr std::array kAnchor = {What::increment_in, What::extend_in, What::read_counter_in,
                                  What::read_extend_in, What::sign_session};
  Command command{What::start_session, sessions > 0 ? random() % sessions : 0, false,
                  attest::hash(attest::view(std::to_string(random())))};
  if (sessions == 0 || (sessions < 3 && random() % 12 == 0)) {
    next = 0;
    return command;
  }
  if (extend_gone && random() % 4 == 0) {
    command.what = What::define_extend;
    return command;
  }
  if (random() % 3 != 0) {
    command.what = kAnchor[next % kAnchor.size()];
    command.session = sessions - 1;
    command.reset = next % kAnchor.size() == 0;
    ++next;
    return command;
  }
  command.what = static_cast<What>(1 + random() % (kNames.size() - 1));
  command.reset = random() % 2 == 0;
  // Rarely, since nothing can be done with an index until it is written again.
  const bool redefines =
      command.what >= What::redefine_counter && command.what <= What::undefine_extend;
  if (redefines && random() % 3 != 0) command.what = What::clock;
  return command;
}

std::string describe(const Command& command) {
  return std::string(kNames[static_cast<std::size_t>(command.what)]) + " (session " +
         std::to_string(command.session) + (command.reset ? ", reset)" : ")");
}

// The real clock becomes safe when it next saves itself, which is a matter of time: the virtual one
// follows, but only out of an unclean start.
void follow_clock(const std::string& expected, std::string& found, bool unclean,
                  Virtual& simulated) {
  const std::size_t at = found.find(" unsafe");
  if (!unclean || at == std::string::npos || expected.find(" safe") != at) return;
  simulated.tpm.pass(VirtualTpm::kClockUpdateMs);
  found.replace(at, 7, " safe");
}

class VirtualTpmLife : public testing::TestWithParam<unsigned> {};

TEST_P(VirtualTpmLife, IsAnsweredAsByARealOne) {
  Real real;
  Virtual simulated(real);
  std::mt19937_64 random(76 + GetParam());
  std::uint64_t compared = 0, errors = 0, cycles = 0;
  std::uint64_t clock_ms = 0, saved_ms = 0;  // of the real one: seen last, and when last shut down
  std::uint64_t unsafe = 0;
  bool unclean = false;  // some start since the clock was safe
  bool extend_gone = false;
  std::string story;
  for (int sequence = 0; sequence < 250; ++sequence) {
    // What went before may matter: a TPM2_Shutdown, for one.
    if (sequence % 8 == 0) story.clear();
    story += "sequence " + std::to_string(sequence) + ":\n";
    std::size_t sessions = 0, next = 0;
    if (random() % 2 == 0) {
      const auto how = static_cast<Power>(random() % 4);
      story += "  power cycle " + std::to_string(static_cast<int>(how)) + "\n";
      if (how != Power::unclean) saved_ms = real.read_clock().clock_ms;
      if (how != Power::unclean) simulated.tpm.read_clock();
      real.power(how);
      simulated.power(how);
      clock_ms = saved_ms;
      unclean |= how == Power::unclean;
      ++cycles;
    } else {
      real.forget_sessions();
      simulated.forget_sessions();
    }
    for (int i = 0; i < 12; ++i) {
      const Command command = any_command(random, sessions, next, extend_gone);
      const std::string expected = real.run(command);
      std::string found = simulated.run(command);
      follow_clock(expected, found, unclean, simulated);
      unclean &= expected.find(" safe") == std::string::npos;
      unsafe += expected.find(" unsafe") != std::string::npos ? 1 : 0;
      story += "  " + describe(command) + ": " + expected + "\n";
      ASSERT_EQ(found, expected) << story;
      if (command.what == What::undefine_extend) extend_gone = true;
      if (command.what == What::define_extend) extend_gone = false;
      if (command.what == What::start_session) ++sessions;
      if (command.what == What::flush) --sessions;
      errors += expected.starts_with("error") ? 1 : 0;
      ++compared;
    }
    const std::uint64_t now_ms = real.read_clock().clock_ms;
    simulated.tpm.read_clock();
    EXPECT_GE(now_ms, clock_ms) << "the clock fell below where it was saved\n" << story;
    clock_ms = now_ms;
  }
  std::cout << "virtual TPM: " << compared << " answers of 250 sequences as swtpm's, " << errors
            << " of them errors, " << cycles << " power cycles, clock unsafe " << unsafe << " times"
            << std::endl;
  EXPECT_GT(errors, 100u);
  EXPECT_GT(unsafe, 0u);
}

INSTANTIATE_TEST_SUITE_P(Chip, VirtualTpmLife, testing::Range(0u, 4u));

}  // namespace
}  // namespace stele::test
