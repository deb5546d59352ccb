// Goal: a TPM that vanishes, comes back, comes back as another, is full of somebody else's sessions
// or lets us wait is got over, or stopped at; nobody's lie becomes an answer.
// Method: each trouble begins at every command of a round in turn, through a TCTI in front of a
// private swtpm; then the TPM is well again (or another), and a stranger follows the journal.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/daemon/meddled.h"
#include "tests/daemon/stranger.h"
#include "tests/support/tally.h"
#include "tests/support/wire_faults.h"
#include "tests/tpm/tape.h"

namespace stele::test {
namespace {

using daemon::AnchoringStopped;
using Kind = tpm::TpmError::Kind;
using What = Fault::What;

struct LastingRound {
  const char* name;
  void (*run)(Meddled&);
};
constexpr LastingRound kLastingRounds[] = {
    {"counter anchor", [](Meddled& daemon) { daemon.counter(); }},
    {"quote anchor", [](Meddled& daemon) { daemon.quote(); }},
    {"answer", [](Meddled& daemon) { daemon.answer(); }},
    {"start", [](Meddled& daemon) { daemon.reopen(); }},
};

// A round that nothing disturbs is at most this long.
constexpr int kMostCommands = 60;

void begin_lasting(Meddled& daemon, const LastingRound& round) {
  if (!daemon.rounds->is_open()) daemon.rounds->open();
  daemon.counter();
  if (std::string(round.name) == "start") daemon.start();
}

TEST(WireLasting, ADeviceThatVanishesAtAnyCommandAndComesBackIsGotOver) {
  Tally tally;
  for (const What what : {What::lose_command, What::lose_response}) {
    for (const LastingRound& round : kLastingRounds) {
      Host host;
      Meddled daemon(host);
      Stranger stranger(host);
      for (int nth = 1; nth < kMostCommands; ++nth) {
        SCOPED_TRACE(testing::Message() << round.name << ", from command " << nth << " on");
        begin_lasting(daemon, round);
        daemon.tcti.executed.clear();
        const std::uint64_t counter = daemon.journal.chain().counter();
        daemon.tcti.meddle({.code = 0, .nth = nth, .times = Rule::kForEver}, {what, 0, {}});
        const bool ended = is_lost([&] { round.run(daemon); });
        if (daemon.tcti.meddled == 0) break;
        ++tally.injected;
        // Gone is gone, also for those who ask again.
        const bool still_gone = is_lost([&] { daemon.reopen(); });
        if (!still_gone || (!ended && daemon.tcti.meddled < 2)) ++tally.missed;
        daemon.tcti.leave_alone();
        const std::string wrong = going_on(daemon, stranger);
        const auto increments = static_cast<std::uint64_t>(daemon.tcti.executed[kNvIncrement]);
        if (!wrong.empty() || increments != daemon.journal.chain().counter() - counter) {
          ++tally.lost;
          ADD_FAILURE() << wrong << ", increments " << increments;
        }
        if (!stranger.remarks.empty()) ++tally.false_alarms;
      }
    }
  }
  tally.report(49, "the device vanishes at every command, and comes back");
}

// What else may answer in our TPM's place.
struct Impostors {
  Swtpm blank;
  Host twin;       // provisioned with the very same secrets
  Swtpm put_back;  // our own, as it was before the newest anchors
  explicit Impostors(Host& host) : put_back((host.swtpm.stop(), host.swtpm.state())) {
    host.swtpm.start();
  }
  std::vector<std::pair<const char*, const Swtpm*>> all() const {
    return {{"blank", &blank}, {"twin", &twin.swtpm}, {"put back", &put_back}};
  }
};

// The right TPM again, and a person who starts the daemon anew. Our own as it was, a clone, may
// have signed a bundle with a clock that is ahead: then ours is refused until its clock has got
// there.
std::string back_again(Meddled& daemon, Stranger& stranger) {
  std::string wrong;
  for (int tries = 0; tries < 1000; ++tries) {
    daemon.start();
    wrong = going_on(daemon, stranger);
    if (wrong.find("clock_went_back") == std::string::npos) break;
    daemon.rounds->close();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return wrong;
}

TEST(WireLasting, AnotherTpmInItsPlaceIsStoppedAtAndGetsNoAnchor) {
  Tally tally;
  Host host;
  const Impostors impostors(host);
  Meddled daemon(host);
  Stranger stranger(host);
  for (const auto& [name, impostor] : impostors.all()) {
    for (const LastingRound& round : kLastingRounds) {
      for (int nth = 1; nth < kMostCommands; ++nth) {
        SCOPED_TRACE(testing::Message() << name << " at command " << nth << " of " << round.name);
        daemon.tcti.connect_to(host.swtpm);
        daemon.start();
        begin_lasting(daemon, round);
        bool changed = false;
        daemon.tcti.before = [&, left = nth, to = impostor](std::uint32_t) mutable {
          if (--left > 0 || changed) return;
          changed = true;
          daemon.tcti.connect_to(*to);
        };
        try {
          round.run(daemon);
        } catch (const std::exception&) {
          // Whatever it is called here: what follows decides.
        }
        daemon.tcti.before = nullptr;
        if (!changed) break;
        ++tally.injected;
        bool stopped = false;
        std::string words;
        try {
          daemon.reopen();
        } catch (const AnchoringStopped& stop) {
          stopped = true;
        } catch (const std::exception& error) {
          words = error.what();
        }
        const std::string refused = stranger.catch_up();
        if (!stopped || !refused.empty()) {
          ++tally.missed;
          ADD_FAILURE() << "not stopped at: " << words << refused;
        }
        daemon.rounds->close();
        daemon.tcti.connect_to(host.swtpm);
        const std::string wrong = back_again(daemon, stranger);
        if (!wrong.empty()) {
          ++tally.lost;
          ADD_FAILURE() << wrong;
          return;
        }
      }
    }
  }
  tally.report(49, "another TPM from every command on: blank, twin, put back");
}

TEST(WireLasting, ATpmFullOfSomebodyElsesSessionsAndObjectsIsGotOver) {
  Tally tally;
  for (const LastingRound& round : kLastingRounds) {
    Host host;
    Meddled daemon(host);
    Stranger stranger(host);
    for (int nth = 0; nth < kMostCommands; ++nth) {
      SCOPED_TRACE(testing::Message() << round.name << ", filled before command " << nth);
      begin_lasting(daemon, round);
      bool filled = nth == 0;
      if (filled) fill_slots(host.swtpm);
      daemon.tcti.before = [&, left = nth](std::uint32_t) mutable {
        if (filled || --left > 0) return;
        filled = true;
        fill_slots(host.swtpm);
      };
      std::string words;
      try {
        round.run(daemon);
      } catch (const tpm::TpmError& error) {
        if (error.kind() != Kind::full) words = error.what();
        if (nth == 0) words = error.what();  // it was full before: room can be made
      } catch (const std::exception& error) {
        words = error.what();
      }
      daemon.tcti.leave_alone();
      if (!filled) break;
      ++tally.injected;
      const std::string wrong = going_on(daemon, stranger);
      if (!words.empty()) ++tally.missed;
      if (!wrong.empty()) ++tally.lost;
      EXPECT_EQ(words + wrong, "");
      if (!stranger.remarks.empty()) ++tally.false_alarms;
    }
  }
  tally.report(53, "every slot for sessions and objects taken before every command");
}

// libtpms 0.9.2 answers so at the first use of what dictionary-attack protection could concern.
TEST(WireLasting, ARetryAtTheFirstUseOfAnythingAuthorisedIsAbsorbed) {
  Tally tally;
  Host host;
  Meddled daemon(host);
  Stranger stranger(host);
  for (const std::uint32_t code :
       {kPcrExtend, kNvIncrement, kNvExtend, kNvRead, kSessionDigest, kQuoteCommand}) {
    for (const LastingRound& round : kLastingRounds) {
      begin_lasting(daemon, round);
      daemon.tcti.meddle({.code = code}, {What::answer, 0x922, {}});
      EXPECT_NO_THROW(round.run(daemon)) << std::hex << code << round.name;
      tally.injected += static_cast<std::uint64_t>(daemon.tcti.meddled);
      daemon.tcti.leave_alone();
    }
  }
  if (!going_on(daemon, stranger).empty()) ++tally.lost;
  tally.false_alarms = stranger.remarks.size();
  tally.report(48, "RETRY at the first use of each authorised object");
}

// A liar in between says "not now" of what has been done, so that it is sent again. The session's
// nonces have moved on: the TPM refuses, and the next look shows what happened.
TEST(WireLasting, WhatIsDoneButCalledBusyIsNotDoneTwice) {
  Tally tally;
  Host host;
  Meddled daemon(host);
  Stranger stranger(host);
  daemon.rounds->open();
  for (const std::uint32_t code : {kNvIncrement, kNvExtend, kNvRead, kSessionDigest}) {
    for (const std::uint32_t busy : {0x922u, 0x908u, 0x90au, 0x920u, 0x923u}) {
      SCOPED_TRACE(testing::Message() << std::hex << busy << " after 0x" << code);
      daemon.tcti.executed.clear();
      const std::uint64_t counter = daemon.journal.chain().counter();
      daemon.tcti.meddle({.code = code}, {What::answer_after, busy, {}});
      try {
        daemon.counter();
      } catch (const tpm::TpmError&) {
        // Refused by the TPM; which word it has for that is its own.
      }
      ++tally.injected;
      daemon.tcti.leave_alone();
      const std::string wrong = going_on(daemon, stranger);
      const auto increments = static_cast<std::uint64_t>(daemon.tcti.executed[kNvIncrement]);
      if (!wrong.empty()) ++tally.lost;
      if (increments != daemon.journal.chain().counter() - counter) ++tally.missed;
      EXPECT_EQ(wrong, "");
    }
  }
  tally.false_alarms = stranger.remarks.size();
  tally.report(51, "executed, and yet called busy");
}

// The same with P, which no session guards: it holds d twice, and that is on record.
TEST(WireLasting, APcrThatWasMadeToHoldAStatementTwiceIsAForeignExtend) {
  Host host;
  Meddled daemon(host);
  Stranger stranger(host);
  daemon.rounds->open();
  daemon.tcti.meddle({.code = kPcrExtend}, {What::answer_after, 0x922, {}});
  try {
    daemon.counter();
  } catch (const daemon::Contended&) {
    // Its quote cannot verify.
  }
  daemon.tcti.leave_alone();
  EXPECT_EQ(going_on(daemon, stranger), "");
  ASSERT_EQ(stranger.remarks.size(), 1u);
  EXPECT_EQ(stranger.remarks[0].code, attest::RemarkCode::foreign_extend);
}

// Root knows the authValue of C, and says what he likes when it is read: the reader would see it.
TEST(WireLasting, AnAnswerThatItsReaderMustRefuseIsNeverGiven) {
  Host host;
  int lies = 0, audited = 0;
  MeddlingTcti liar([&](const MeddlingTcti::Bytes& command) {
    MeddlingTcti::Bytes response = host.swtpm.transmit(command);
    const Tape::Turn turn{command, response};
    if (turn.code() == kNvRead && turn.is_signed() && ++audited <= lies) {
      response[23] ^= 1;  // the last byte of C, or one of E
      sign_response(host.credentials(), command, response);
    }
    return response;
  });
  daemon::AnchorJournal journal(storage::posix(), host.config.data, host.credentials().identity);
  daemon::AnchorRounds rounds(storage::posix(), host.config.data, journal, [&] {
    return tpm::over_device(tpm::Device(liar.get()), host.credentials());
  });
  const auto head = [&] { return host.log.head(); };
  rounds.open();
  rounds.counter(head, 0);
  for (lies = 0; lies < 10; ++lies) {
    audited = 0;
    host.log.grow(1);
    try {
      const attest::Answer answer = rounds.answer({}, head);
      EXPECT_EQ(answer.audit.counter, journal.chain().counter()) << lies;
      EXPECT_EQ(answer.audit.extend, journal.chain().extend()) << lies;
      EXPECT_LT(lies, 6);  // two reads, three tries
    } catch (const daemon::Contended&) {
      EXPECT_GE(lies, 5);
    }
  }
}

}  // namespace
}  // namespace stele::test
