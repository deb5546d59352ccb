// One small value of each format: the examples whose bytes attest/README.md shows.
//
// Fixed for ever: a test compares their bytes with those in the README. The attestation key is the
// P-256 base point (private key 1), the auditor's Ed25519 seed is 32 times 07: for examples only.
#pragma once

#include "attest/checkpoint.h"
#include "attest/entry.h"
#include "attest/genesis.h"
#include "attest/identity/enrolment.h"
#include "attest/record.h"
#include "attest/statement.h"
#include "attest/trust.h"
#include "tests/support/note_signer.h"

namespace stele::test {

attest::Hash filled(std::uint8_t byte);                   // 32 times this byte
attest::Bytes example_tlvs();                             // a sender's position: 42
attest::Content example_content(const attest::Bytes& tlvs);
attest::Leaf example_leaf();
attest::Bytes example_ak();                               // TPMT_PUBLIC
attest::Bytes example_ek();                               // TPMT_PUBLIC, template L-2, the same point
attest::EnrolmentRequest example_identity_request();
attest::Genesis example_genesis();
attest::Statement example_statement();
attest::Voided example_voided();
attest::Remark example_remark();
NoteSigner example_auditor();
attest::Checkpoint example_checkpoint();
attest::TrustFile example_trust();
std::vector<attest::AcknowledgedExtend> example_acknowledged();
attest::boot::BootPolicy example_boot_policy();

}  // namespace stele::test
