#include "tests/simulation/tpm_runners.h"

namespace stele::test {

using attest::Hash;
using Index = VirtualTpm::Index;

namespace {

constexpr std::uint8_t kRunnersPcr = 12;
constexpr std::uint32_t kQuoted = 0xf800;  // PCRs 11 to 15

}  // namespace

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
      return attest::to_hex(tpm::read_pcr(device(), kRunnersPcr));
    case What::pcr_extend:
      return tpm::extend_pcr(device(), kRunnersPcr, command.digest), "done";
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
      return attest::to_hex(tpm.pcr_read(kRunnersPcr));
    case What::pcr_extend:
      return tpm.pcr_extend(kRunnersPcr, command.digest), "done";
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

}  // namespace stele::test
