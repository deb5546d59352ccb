// Who runs the commands of tpm_commands.h: a real TPM, through ESYS, and the virtual one.
//
// Both look an index up once and keep its reference, as the product does.
// Thread safety: none. Errors: a TPM's are part of the answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/tpm_commands.h"
#include "tests/simulation/virtual_tpm.h"
#include "tests/tpm/provisioned.h"
#include "tpm/anchor_session.h"
#include "tpm/esys.h"
#include "tpm/templates.h"

namespace stele::test {

// The real one.
class Real {
 public:
  Real() : ak_(tpm::find_ak(*log.device, log.credentials())) {
    base_reset_ = read_clock().run.reset;
    const auto parsed = attest::parse_attestation(quoted(attest::Hash{}).attest);
    signed_reset_ = parsed->run.reset;
  }

  std::string run(const Command& command) {
    try {
      return answer(command);
    } catch (const tpm::TpmError& error) {
      return code(error);
    }
  }
  void power(Swtpm::Power how) {
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
  tpm::Object& index(VirtualTpm::Index which) {
    tpm::Object& held = held_[static_cast<std::size_t>(which)];
    if (!held) held = look_up(which);
    return held;
  }
  tpm::Object look_up(VirtualTpm::Index which) {
    const bool counter = which == VirtualTpm::Index::counter;
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
  void extend(const tpm::Object& at, const attest::Hash& digest, ESYS_TR session) {
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
  void undefine(VirtualTpm::Index which) {
    tpm::Object& at = index(which);
    execute([&] {
      return Esys_NV_UndefineSpace(device().esys(), ESYS_TR_RH_OWNER, at.get(), ESYS_TR_PASSWORD,
                                   ESYS_TR_NONE, ESYS_TR_NONE);
    });
    at.release();
  }
  void define(VirtualTpm::Index which) {
    const tpm::Credentials& own = log.credentials();
    const bool counter = which == VirtualTpm::Index::counter;
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
  attest::SignedAttestation quoted(const attest::Hash& extra_data);
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

// The virtual one, brought to the same state.
class Virtual {
 public:
  explicit Virtual(Real& real) : credentials_(real.log.credentials()), tpm(0) {
    tpm.define(VirtualTpm::Index::counter, credentials_.counter_auth);
    tpm.define(VirtualTpm::Index::extend, credentials_.extend_auth);
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
  void power(Swtpm::Power how) {
    sessions_.clear();
    held_ = {};
    const bool state = how == Swtpm::Power::restart || how == Swtpm::Power::resume;
    if (how != Swtpm::Power::unclean)
      tpm.shutdown(state ? VirtualTpm::Startup::state : VirtualTpm::Startup::clear);
    tpm.power_off();
    tpm.startup(how == Swtpm::Power::resume ? VirtualTpm::Startup::state
                                            : VirtualTpm::Startup::clear);
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

}  // namespace stele::test
