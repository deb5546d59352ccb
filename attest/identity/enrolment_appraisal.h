// Judges what a host says of itself at enrolment, as a stranger who knows only the roots of TPM
// makers, and makes the trust file of it.
//
// Shown by signatures: that a pinned maker vouches for the endorsement key; AK, C, E and P, that C
// is a counter and E an extend index, that the AK lies in the owner hierarchy, c_0 and E_0, the
// base values (genesis receipt); that all this is there now (answer). That AK and endorsement key
// are in one TPM is left to show: make_credential() with `ek` and the AK's Name; only who gets the
// secret back may believe the rest. Only claimed: mode, intervals (claimed_intervals.h), and of
// a later era those before it.
// Thread safety: pure: time and nonce are passed in. Errors: of EkCertificate, EndorsementPublic;
// simulator_refused; ak_unfit; index_unfit; of decode_genesis, decode_receipt, decode_answer,
// verify_receipt, verify_audit, verify_quote; genesis_mismatch, index_mismatch, nonce_mismatch, answer_mismatch;
// trust_malformed. See: README.md, "Enrolment".
#pragma once

#include "attest/answer.h"
#include "attest/identity/ek_certificate.h"
#include "attest/identity/enrolment.h"

namespace stele::attest {

struct EnrolmentRules {
  const PinnedRoots& roots;
  std::int64_t now_s = 0;
  Hash nonce;
  bool allow_simulator = false;
};

struct EnrolledHost {
  EkCertificate certificate;
  EndorsementPublic ek;
  Name ak_name{};
  TrustFile trust;
  Bytes genesis;
  std::vector<std::string> bounded;  // what the host claimed beyond the bounds, in words
  std::uint64_t anchors = 0;         // C's steps since c_0, as signed for the nonce
  std::uint64_t tree_size = 0;       // as the answer claims
};

// The certificate to ask for: that of the key shown, if it chains to a pinned root, else the first
// that does. The defect is that of the most promising one; ek_certificate_foreign if there is none
// at all.
Result<std::uint32_t> verify_any_certificate(const EndorsementEvidence& evidence,
                                             const EnrolmentRules& rules);
Result<EnrolledHost> appraise_identity(const HostIdentity& identity, const EnrolmentRules& rules);

}  // namespace stele::attest
