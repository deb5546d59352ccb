// Goal: the virtual TPM answers as a real one does: values, session digests, exclusiveness, PCRs,
// counts, the safe bit and error codes, over resets, restarts, resumes and power cuts.
// Method: the same random commands to it and to a provisioned private swtpm through ESYS, the
// answers compared as text after each; 1,000 sequences in one life of the chip.
#include "tests/simulation/virtual_tpm.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tests/tpm/provisioned.h"
#include "tpm/anchor_session.h"
#include "tpm/esys.h"
#include "tpm/templates.h"

namespace stele::test {
namespace {

using attest::Hash;
using Index = VirtualTpm::Index;
using Power = Swtpm::Power;

enum class What : std::uint8_t {
  start_session,
  flush,
  increment_in,
  extend_in,
  read_counter_in,
  read_extend_in,
  sign_session,
  increment,
  extend,
  read_counter,
  read_extend,
  read_wrongly,
  look_at_counter,
  look_at_extend,
  pcr_read,
  pcr_extend,
  quote,
  clock,
  random,
  redefine_counter,
  redefine_extend,
  undefine_extend,
  define_extend,
  shutdown_clear,
  shutdown_state,
};
constexpr std::array kNames = {"start session",
                               "flush",
                               "increment in session",
                               "extend in session",
                               "read C in",
                               "read E in",
                               "sign session",
                               "increment",
                               "extend",
                               "read C",
                               "read E",
                               "read C with a wrong authValue",
                               "look at C",
                               "look at E",
                               "read P",
                               "extend P",
                               "quote",
                               "read clock",
                               "random",
                               "define C again",
                               "define E again",
                               "undefine E",
                               "define E",
                               "shutdown(clear)",
                               "shutdown(state)"};

struct Command {
  What what;
  std::size_t session = 0;  // which of the sessions begun
  bool reset = false;       // audit reset, else audit exclusive
  Hash digest;
};

constexpr std::uint8_t kPcr = 12;
constexpr std::uint32_t kQuoted = 0xf800;  // PCRs 11 to 15

std::string code(const tpm::TpmError& error) {
  const std::uint32_t rc = error.rc() & 0xffff;
  const std::uint32_t plain = (rc & 0x80) != 0 ? rc & 0xbf : rc;  // without the parameter's number
  return "error " + attest::to_hex(Hash{{static_cast<std::uint8_t>(plain >> 8),
                                         static_cast<std::uint8_t>(plain)}})
                        .substr(0, 4);
}

std::string words(const attest::SignedAttestation& signed_attestation, std::uint32_t first_reset) {
  const auto parsed = attest::parse_attestation(signed_attestation.attest);
  if (!parsed) return "not an attestation";
  const auto hex = [](attest::ByteView bytes) { return attest::to_hex(bytes); };
  return "signed " + std::to_string(parsed->type) + " reset " +
         std::to_string(parsed->run.reset - first_reset) +
         (parsed->clock_safe ? " safe" : " unsafe") + (parsed->exclusive ? " exclusive " : " ") +
         hex(parsed->session_digest) + hex(parsed->pcr_digest) + " for " + hex(parsed->extra_data);
}

// The real one.
class Real {
 public:
  Real() : ak_(tpm::find_ak(*log.device, log.credentials())) {
    base_reset_ = read_clock().run.reset;
    const auto parsed = attest::parse_attestation(quoted(Hash{}).attest);
    signed_reset_ = parsed->run.reset;
  }

  std::string run(const Command& command) {
    try {
      return answer(command);
    } catch (const tpm::TpmError& error) {
      return code(error);
    }
  }
  void power(Power how) {
    sessions_.clear();
    held_ = {};
    ak_ = {};
    log.power_cycle(how);
    ak_ = tpm::find_ak(device(), log.credentials());
  }
  void forget_sessions() { sessions_.clear(); }
  tpm::Clock read_clock() { return tpm::read_clock(*log.device); }

  Provisioned log;

 private:
  tpm::Device& device() { return *log.device; }
  // Looked up once, or every command in a session would be preceded by a ReadPublic.
  tpm::Object& index(Index which) {
    tpm::Object& held = held_[static_cast<std::size_t>(which)];
    if (!held) held = look_up(which);
    return held;
  }
  tpm::Object look_up(Index which) {
    const bool counter = which == Index::counter;
    const tpm::Credentials& own = log.credentials();
    tpm::Object found =
        tpm::find_object(device(), counter ? own.counter_handle : own.extend_handle);
    if (!found) throw tpm::TpmError(TPM2_RC_HANDLE, "no index");
    found.set_auth(counter ? own.counter_auth : own.extend_auth);
    return found;
  }
  void execute(const std::function<TSS2_RC()>& call) { tpm::execute(device(), "command", call); }

  ESYS_TR start_session() {
    const TPMT_SYM_DEF plain{.algorithm = TPM2_ALG_NULL, .keyBits = {}, .mode = {}};
    ESYS_TR session = ESYS_TR_NONE;
    execute([&] {
      return Esys_StartAuthSession(device().esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                   ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_HMAC, &plain,
                                   TPM2_ALG_SHA256, &session);
    });
    return session;
  }
  ESYS_TR use(const Command& command) {
    const ESYS_TR session = sessions_.at(command.session).get();
    const TPMA_SESSION attributes =
        TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_AUDIT |
        (command.reset ? TPMA_SESSION_AUDITRESET : TPMA_SESSION_AUDITEXCLUSIVE);
    execute([&] { return Esys_TRSess_SetAttributes(device().esys(), session, attributes, 0xff); });
    return session;
  }
  std::string read(const tpm::Object& at, std::uint16_t size, ESYS_TR session) {
    tpm::EsysPtr<TPM2B_MAX_NV_BUFFER> value;
    execute([&] {
      return Esys_NV_Read(device().esys(), at.get(), at.get(), session, ESYS_TR_NONE, ESYS_TR_NONE,
                          size, 0, tpm::out(value));
    });
    return attest::to_hex(attest::ByteView(value->buffer, value->size));
  }
  void increment(const tpm::Object& at, ESYS_TR session) {
    execute([&] {
      return Esys_NV_Increment(device().esys(), at.get(), at.get(), session, ESYS_TR_NONE,
                               ESYS_TR_NONE);
    });
  }
  void extend(const tpm::Object& at, const Hash& digest, ESYS_TR session) {
    TPM2B_MAX_NV_BUFFER data{};
    data.size = 32;
    std::copy(digest.bytes.begin(), digest.bytes.end(), data.buffer);
    execute([&] {
      return Esys_NV_Extend(device().esys(), at.get(), at.get(), session, ESYS_TR_NONE,
                            ESYS_TR_NONE, &data);
    });
  }
  void shutdown(TPM2_SU kind) {
    execute([&] {
      return Esys_Shutdown(device().esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, kind);
    });
  }
  void undefine(Index which) {
    tpm::Object& at = index(which);
    execute([&] {
      return Esys_NV_UndefineSpace(device().esys(), ESYS_TR_RH_OWNER, at.get(), ESYS_TR_PASSWORD,
                                   ESYS_TR_NONE, ESYS_TR_NONE);
    });
    at.release();
  }
  void define(Index which) {
    const tpm::Credentials& own = log.credentials();
    const bool counter = which == Index::counter;
    const TPM2B_NV_PUBLIC area = counter ? tpm::counter_public(own.counter_handle, false)
                                         : tpm::extend_public(own.extend_handle, false);
    const TPM2B_AUTH auth = tpm::to_auth(counter ? own.counter_auth : own.extend_auth);
    ESYS_TR made = ESYS_TR_NONE;
    execute([&] {
      return Esys_NV_DefineSpace(device().esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                 ESYS_TR_NONE, &auth, &area, &made);
    });
    Esys_TR_Close(device().esys(), &made);
  }
  std::string sign_session(const Command& command);
  attest::SignedAttestation quoted(const Hash& extra_data);
  std::string judge(const attest::SignedAttestation& made) {
    if (!log.identity().ak.verify(made)) return "bad signature";
    return words(made, signed_reset_);
  }
  std::string answer(const Command& command);
  std::string answer_in_session(const Command& command);

  std::array<tpm::Object, 2> held_;
  tpm::Object ak_;
  std::vector<tpm::Object> sessions_;
  std::uint32_t base_reset_ = 0, signed_reset_ = 0;
};

std::string Real::sign_session(const Command& command) {
  const TPM2B_AUTH auth = tpm::to_auth(log.credentials().endorsement_auth);
  execute([&] { return Esys_TR_SetAuth(device().esys(), ESYS_TR_RH_ENDORSEMENT, &auth); });
  const TPM2B_DATA extra = tpm::to_qualifying_data(command.digest);
  const TPMT_SIG_SCHEME scheme{.scheme = TPM2_ALG_NULL, .details = {}};
  tpm::EsysPtr<TPM2B_ATTEST> attest;
  tpm::EsysPtr<TPMT_SIGNATURE> signature;
  execute([&] {
    return Esys_GetSessionAuditDigest(device().esys(), ESYS_TR_RH_ENDORSEMENT, ak_.get(),
                                      sessions_.at(command.session).get(), ESYS_TR_PASSWORD,
                                      ESYS_TR_PASSWORD, ESYS_TR_NONE, &extra, &scheme,
                                      tpm::out(attest), tpm::out(signature));
  });
  return judge(tpm::to_signed(*attest, *signature));
}

attest::SignedAttestation Real::quoted(const Hash& extra_data) {
  TPML_PCR_SELECTION selection{};
  selection.count = 1;
  selection.pcrSelections[0] = {TPM2_ALG_SHA256, 3, {0, kQuoted >> 8, 0}};
  const TPM2B_DATA extra = tpm::to_qualifying_data(extra_data);
  const TPMT_SIG_SCHEME scheme{.scheme = TPM2_ALG_NULL, .details = {}};
  tpm::EsysPtr<TPM2B_ATTEST> attest;
  tpm::EsysPtr<TPMT_SIGNATURE> signature;
  execute([&] {
    return Esys_Quote(device().esys(), ak_.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                      &extra, &scheme, &selection, tpm::out(attest), tpm::out(signature));
  });
  return tpm::to_signed(*attest, *signature);
}

// An index is looked up before the attributes are set: as the product does.
std::string Real::answer_in_session(const Command& command) {
  switch (command.what) {
    case What::increment_in: {
      tpm::Object& at = index(Index::counter);
      return increment(at, use(command)), "done";
    }
    case What::extend_in: {
      tpm::Object& at = index(Index::extend);
      return extend(at, command.digest, use(command)), "done";
    }
    case What::read_counter_in: {
      tpm::Object& at = index(Index::counter);
      return read(at, 8, use(command));
    }
    default: {
      tpm::Object& at = index(Index::extend);
      return read(at, 32, use(command));
    }
  }
}

std::string Real::answer(const Command& command) {
  switch (command.what) {
    case What::start_session:
      sessions_.emplace_back(device(), start_session(), tpm::Object::End::flush);
      return "done";
    case What::flush:
      sessions_.erase(sessions_.begin() + static_cast<std::ptrdiff_t>(command.session));
      return "done";
    case What::sign_session:
      return sign_session(command);
    case What::increment:
      return increment(index(Index::counter), ESYS_TR_PASSWORD), "done";
    case What::extend:
      return extend(index(Index::extend), command.digest, ESYS_TR_PASSWORD), "done";
    case What::read_counter:
      return read(index(Index::counter), 8, ESYS_TR_PASSWORD);
    case What::read_extend:
      return read(index(Index::extend), 32, ESYS_TR_PASSWORD);
    case What::read_wrongly: {
      held_.front() = {};  // ESYS gives the same reference for the same handle
      tpm::Object at = look_up(Index::counter);
      at.set_auth(Hash{{9}}.bytes);
      return read(at, 8, ESYS_TR_PASSWORD);
    }
    case What::look_at_counter:
      held_.front() = {};
      return index(Index::counter), "done";
    case What::look_at_extend:
      held_.back() = {};
      return index(Index::extend), "done";
    case What::pcr_read:
      return attest::to_hex(tpm::read_pcr(device(), kPcr));
    case What::pcr_extend:
      return tpm::extend_pcr(device(), kPcr, command.digest), "done";
    case What::quote:
      return judge(quoted(command.digest));
    case What::clock: {
      const tpm::Clock clock = read_clock();
      return std::to_string(clock.run.reset - base_reset_) + " " +
             std::to_string(clock.run.restart) + (clock.safe ? " safe" : " unsafe");
    }
    case What::random: {
      tpm::EsysPtr<TPM2B_DIGEST> random;
      execute([&] {
        return Esys_GetRandom(device().esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 8,
                              tpm::out(random));
      });
      return "done";
    }
    case What::redefine_counter:
      return undefine(Index::counter), define(Index::counter), "done";
    case What::redefine_extend:
      return undefine(Index::extend), define(Index::extend), "done";
    case What::undefine_extend:
      return undefine(Index::extend), "done";
    case What::define_extend:
      return define(Index::extend), "done";
    case What::shutdown_clear:
      return shutdown(TPM2_SU_CLEAR), "done";
    case What::shutdown_state:
      return shutdown(TPM2_SU_STATE), "done";
    default:
      return answer_in_session(command);
  }
}

// The virtual one, brought to the same state.
class Virtual {
 public:
  explicit Virtual(Real& real) : credentials_(real.log.credentials()), tpm(0) {
    tpm.define(Index::counter, credentials_.counter_auth);
    tpm.define(Index::extend, credentials_.extend_auth);
    tpm.increment(credentials_.counter_auth);
    tpm.extend(credentials_.extend_auth, attest::genesis_digest(*real.log.memory.kept.genesis));
    base_reset_ = tpm.read_clock().run.reset;
    signed_reset_ = tpm.signed_run().reset;
  }

  std::string run(const Command& command) {
    try {
      return answer(command);
    } catch (const tpm::TpmError& error) {
      return code(error);
    }
  }
  void power(Power how) {
    sessions_.clear();
    held_ = {};
    const bool state = how == Power::restart || how == Power::resume;
    if (how != Power::unclean)
      tpm.shutdown(state ? VirtualTpm::Startup::state : VirtualTpm::Startup::clear);
    tpm.power_off();
    tpm.startup(how == Power::resume ? VirtualTpm::Startup::state : VirtualTpm::Startup::clear);
  }

  void forget_sessions() {
    for (const std::uint32_t session : sessions_) tpm.flush(session);
    sessions_.clear();
  }

 private:
  std::string answer(const Command& command);

  tpm::Credentials credentials_;

 public:
  VirtualTpm tpm;

 private:
  std::array<bool, 2> held_{};  // as the real one's
  std::vector<std::uint32_t> sessions_;
  std::uint32_t base_reset_ = 0, signed_reset_ = 0;
};

std::string Virtual::answer(const Command& command) {
  const tpm::AuthValue& of_counter = credentials_.counter_auth;
  const tpm::AuthValue& of_extend = credentials_.extend_auth;
  const auto use = [&] {
    return VirtualTpm::Session{{sessions_.at(command.session), command.reset
                                                                   ? VirtualTpm::Audit::reset
                                                                   : VirtualTpm::Audit::exclusive}};
  };
  const auto look = [&](Index index) {
    bool& held = held_[static_cast<std::size_t>(index)];
    if (!held) (void)tpm.read_public(index);
    held = true;
  };
  const auto undefine = [&](Index index) {
    look(index);
    tpm.undefine(index);
    held_[static_cast<std::size_t>(index)] = false;
  };
  switch (command.what) {
    case What::start_session:
      return sessions_.push_back(tpm.start_session()), "done";
    case What::flush: {
      const auto at = sessions_.begin() + static_cast<std::ptrdiff_t>(command.session);
      tpm.flush(*at);
      return sessions_.erase(at), "done";
    }
    case What::increment_in:
      return look(Index::counter), tpm.increment(of_counter, use()), "done";
    case What::extend_in:
      return look(Index::extend), tpm.extend(of_extend, command.digest, use()), "done";
    case What::read_counter_in:
      return look(Index::counter), attest::to_hex(tpm.read(Index::counter, of_counter, use()));
    case What::read_extend_in:
      return look(Index::extend), attest::to_hex(tpm.read(Index::extend, of_extend, use()));
    case What::sign_session: {
      const auto made = tpm.session_audit_digest(sessions_.at(command.session), command.digest);
      return words(made.signed_attestation, signed_reset_);
    }
    case What::increment:
      return look(Index::counter), tpm.increment(of_counter), "done";
    case What::extend:
      return look(Index::extend), tpm.extend(of_extend, command.digest), "done";
    case What::read_counter:
      return look(Index::counter), attest::to_hex(tpm.read(Index::counter, of_counter));
    case What::read_extend:
      return look(Index::extend), attest::to_hex(tpm.read(Index::extend, of_extend));
    case What::read_wrongly:
      held_.front() = false;
      (void)tpm.read_public(Index::counter);
      return attest::to_hex(tpm.read(Index::counter, Hash{{9}}.bytes));
    case What::look_at_counter:
      held_.front() = false;
      return look(Index::counter), "done";
    case What::look_at_extend:
      held_.back() = false;
      return look(Index::extend), "done";
    case What::pcr_read:
      return attest::to_hex(tpm.pcr_read(kPcr));
    case What::pcr_extend:
      return tpm.pcr_extend(kPcr, command.digest), "done";
    case What::quote:
      return words(tpm.quote(kQuoted, command.digest), signed_reset_);
    case What::clock: {
      const tpm::Clock clock = tpm.read_clock();
      return std::to_string(clock.run.reset - base_reset_) + " " +
             std::to_string(clock.run.restart) + (clock.safe ? " safe" : " unsafe");
    }
    case What::random:
      return tpm.get_random(), "done";
    case What::redefine_counter:
      return undefine(Index::counter), tpm.define(Index::counter, of_counter), "done";
    case What::redefine_extend:
      return undefine(Index::extend), tpm.define(Index::extend, of_extend), "done";
    case What::undefine_extend:
      return undefine(Index::extend), "done";
    case What::define_extend:
      return tpm.define(Index::extend, of_extend), "done";
    case What::shutdown_clear:
      return tpm.shutdown(VirtualTpm::Startup::clear), "done";
    case What::shutdown_state:
      return tpm.shutdown(VirtualTpm::Startup::state), "done";
  }
  return {};
}

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

TEST(VirtualTpm, AnswersAsARealOneDoesOverAThousandSequences) {
  Real real;
  Virtual simulated(real);
  std::mt19937_64 random(76);
  std::uint64_t compared = 0, errors = 0, cycles = 0;
  std::uint64_t clock_ms = 0, saved_ms = 0;  // of the real one: seen last, and when last shut down
  std::uint64_t unsafe = 0;
  bool unclean = false;  // some start since the clock was safe
  bool extend_gone = false;
  std::string story;
  for (int sequence = 0; sequence < 1000; ++sequence) {
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
  std::cout << "virtual TPM: " << compared << " answers of 1000 sequences as swtpm's, " << errors
            << " of them errors, " << cycles << " power cycles, clock unsafe " << unsafe << " times"
            << std::endl;
  EXPECT_GT(errors, 500u);
  EXPECT_GT(unsafe, 10u);
}

}  // namespace
}  // namespace stele::test
