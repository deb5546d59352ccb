#include "attest/identity/enrolment_appraisal.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/identity/claimed_intervals.h"

namespace stele::attest {
namespace {

const NvCertificate* find(const EndorsementEvidence& evidence, std::uint32_t handle) {
  const auto found = std::find_if(evidence.certificates.begin(), evidence.certificates.end(),
                                  [handle](const NvCertificate& c) { return c.handle == handle; });
  return found == evidence.certificates.end() ? nullptr : &*found;
}

Result<EkCertificate> verify_certificate(const NvCertificate& one,
                                         const EndorsementEvidence& evidence,
                                         const EnrolmentRules& rules) {
  auto certificate = EkCertificate::parse(one.der);
  if (!certificate) return certificate.error();
  const auto chain = certificate->verify_chain(evidence.intermediates, rules.roots, rules.now_s);
  if (!chain) return chain.error();
  if (certificate->kind() == TpmKind::simulator && !rules.allow_simulator) {
    return Defect(Fault::simulator_refused, {},
                  "the certificate is a simulator's (" + certificate->manufacturer() + " " +
                      certificate->model() + "), which anybody can copy and put back");
  }
  return certificate;
}

// The worse an answer, the earlier it was refused.
int promise(Fault fault) {
  switch (fault) {
    case Fault::simulator_refused:
      return 3;
    case Fault::ek_certificate_expired:
      return 2;
    case Fault::ek_certificate_foreign:
      return 1;
    default:
      return 0;
  }
}

Defect in(const char* what, const Defect& defect) {
  return {defect.fault, defect.at, std::string(what) + ": " + defect.detail};
}

// What the AK signed at provisioning, and what follows for the pins.
Result<void> judge_genesis(const HostIdentity& identity, TrustFile& trust) {
  const auto genesis = decode_genesis(identity.genesis);
  if (!genesis) return in("the genesis", genesis.error());
  auto ak = AttestationPublic::parse(identity.ak);
  if (!ak) return in("the attestation key", ak.error());
  if (genesis->ak_name != ak->name()) {
    return Defect(Fault::genesis_mismatch, {}, "the genesis names another attestation key");
  }
  const auto indexes =
      verify_index_names(identity.indexes, genesis->counter_name, genesis->extend_name);
  if (!indexes) return indexes.error();
  const auto receipt = decode_receipt(identity.genesis_receipt);
  if (!receipt) return in("the genesis receipt", receipt.error());
  if (receipt->kind != ReceiptKind::read_back || !receipt->audit || receipt->quote) {
    return Defect(Fault::receipt_unexpected, {}, "the genesis receipt is of another kind");
  }
  const TpmIdentity tpm{*std::move(ak), genesis->counter_name, genesis->extend_name, genesis->pcr};
  const auto verified = verify_receipt(*receipt, tpm, genesis_digest(identity.genesis),
                                       receipt->audit->counter, first_extend(identity.genesis));
  if (!verified) return in("the genesis receipt", verified.error());
  trust.origin = genesis->origin;
  trust.log_id = log_id(identity.genesis);
  trust.era = genesis->era;
  trust.mode = genesis->mode;
  trust.ak = identity.ak;
  trust.counter_name = genesis->counter_name;
  trust.extend_name = genesis->extend_name;
  trust.pcr = genesis->pcr;
  trust.first_counter = receipt->audit->counter;
  trust.first_extend = first_extend(identity.genesis);
  trust.base_reset = verified->run().reset;
  trust.base_restart = verified->run().restart;
  trust.base_firmware = verified->firmware();
  return ok();
}

// That the TPM holds C, E and P now, for this nonce.
Result<Answer> judge_answer(const HostIdentity& identity, const TrustFile& trust,
                            const Hash& nonce) {
  auto answer = decode_answer(identity.answer);
  if (!answer) return in("the answer", answer.error());
  if (answer->nonce != nonce) {
    return Defect(Fault::nonce_mismatch, {}, "the answer is for another nonce");
  }
  if (answer->log_id != trust.log_id) {
    return Defect(Fault::answer_mismatch, {}, "the answer is another log's");
  }
  const auto tpm = trust.identity();
  ENSURE(tpm.has_value());  // judge_genesis has read the key
  const Hash extra_data = answer_extra_data(*answer);
  const auto audit = verify_audit(
      answer->audit, *tpm, read_session_digest(*tpm, answer->audit.counter, answer->audit.extend),
      extra_data);
  if (!audit) return in("the answer", audit.error());
  const auto quote = verify_quote(answer->quote, *tpm, extra_data);
  if (!quote) return in("the answer", quote.error());
  if (answer->audit.counter < trust.first_counter ||
      answer->audit.counter - trust.first_counter != answer->seq) {
    return Defect(Fault::answer_mismatch, {},
                  "C is not as many steps above its first value as the answer names anchors");
  }
  if (answer->seq == 0 && answer->audit.extend != trust.first_extend) {
    return Defect(Fault::answer_mismatch, {},
                  "no anchor was made, and yet E is not what the genesis made it");
  }
  if (audit->run != quote->run) {
    return Defect(Fault::answer_run_changed, {}, "the TPM was reset meanwhile: ask again");
  }
  return answer;
}

// What only the host says: intervals, and in a later era the eras before.
Result<void> take_claims(const std::string& text, TrustFile& trust,
                         std::vector<std::string>& bounded) {
  const auto claimed = parse_trust(text);
  if (!claimed) return in("the host's own trust file", claimed.error());
  if (claimed->log_id != trust.log_id || claimed->era != trust.era ||
      claimed->origin != trust.origin) {
    return Defect(Fault::trust_malformed, {}, "the host's own trust file is of another log or era");
  }
  trust.quote_interval_ms = claimed->quote_interval_ms;
  trust.max_quote_gap = claimed->max_quote_gap;
  trust.heartbeat_s = claimed->heartbeat_s;
  trust.slack_ms = claimed->slack_ms;
  trust.clock_update_ms = claimed->clock_update_ms;
  bounded = bound_intervals(trust);
  trust.earlier = claimed->earlier;
  for (EarlierEra& era : trust.earlier) era.pins.forget_what_only_an_auditor_can_say();
  return ok();
}

}  // namespace

Result<std::uint32_t> verify_any_certificate(const EndorsementEvidence& evidence,
                                             const EnrolmentRules& rules) {
  // The key that is shown already, if it will do: one more may take a chip a minute to make.
  const NvCertificate* chosen = find(evidence, evidence.certificate);
  if (chosen != nullptr && verify_certificate(*chosen, evidence, rules)) return chosen->handle;
  std::optional<Defect> best;
  for (const NvCertificate& one : evidence.certificates) {
    const auto verified = verify_certificate(one, evidence, rules);
    if (verified) return one.handle;
    if (!best || promise(verified.error().fault) > promise(best->fault)) best = verified.error();
  }
  if (best) return *best;
  return Defect(Fault::ek_certificate_foreign, {},
                "this TPM holds no certificate of its maker: nobody vouches for it");
}

Result<EnrolledHost> appraise_identity(const HostIdentity& identity, const EnrolmentRules& rules) {
  const NvCertificate* one = find(identity.endorsement, identity.endorsement.certificate);
  if (one == nullptr) {
    return Defect(Fault::ek_mismatch, {},
                  "the endorsement key presented belongs to no certificate presented");
  }
  auto certificate = verify_certificate(*one, identity.endorsement, rules);
  if (!certificate) return certificate.error();
  auto ek = EndorsementPublic::parse(identity.endorsement.ek);
  if (!ek) return ek.error();
  if (const auto held = certificate->verify_holds(ek->key()); !held) return held.error();
  TrustFile trust;
  if (const auto judged = judge_genesis(identity, trust); !judged) return judged.error();
  const auto answer = judge_answer(identity, trust, rules.nonce);
  if (!answer) return answer.error();
  std::vector<std::string> bounded;
  if (const auto taken = take_claims(identity.trust, trust, bounded); !taken) return taken.error();
  trust.tpm_kind = certificate->kind();
  trust.tpm_manufacturer = certificate->manufacturer();
  trust.tpm_model = certificate->model();
  const Name ak_name = make_name(identity.ak);
  return EnrolledHost{*std::move(certificate), *std::move(ek),     ak_name,     std::move(trust),
                      identity.genesis,        std::move(bounded), answer->seq, answer->tree_size};
}

}  // namespace stele::attest
