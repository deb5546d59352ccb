// A TPM on paper: a P-256 key and the registers that anchors touch; signs byte-exactly what a TPM
// would.
//
// So that tests in every room can make receipts, bundles and answers without swtpm, and bend them.
// Registers are public: an attack is an assignment. A copy is a clone of the chip.
// Thread safety: a value. Errors: OpenSSL failing throws.
#pragma once

#include <cstdint>
#include <memory>

#include "attest/answer.h"
#include "attest/bundle.h"
#include "attest/genesis.h"
#include "attest/receipt.h"
#include "attest/statement.h"

namespace stele::test {

// The parts of a TPMT_PUBLIC that the AK's fitness hangs on.
struct AkTemplate {
  std::uint16_t type = 0x0023;            // ECC
  std::uint16_t name_algorithm = 0x000b;  // SHA-256
  std::uint32_t attributes = 0x00050472;
  std::uint16_t scheme = 0x0018;  // ECDSA
  std::uint16_t scheme_hash = 0x000b;
  std::uint16_t curve = 0x0003;  // P-256
};

class PaperTpm {
 public:
  explicit PaperTpm(std::uint8_t pcr = 12);

  const attest::TpmIdentity& identity() const { return identity_; }
  attest::Bytes public_area(const AkTemplate& wanted = {}) const;  // TPMT_PUBLIC of the AK

  // The Names of what somebody defined in the place of C and E.
  void name_indexes(const attest::Name& of_counter, const attest::Name& of_extend) {
    identity_.counter_name = of_counter;
    identity_.extend_name = of_extend;
  }

  // Registers. run is what the TPM signs: counts plus constants, as an owner-hierarchy AK shows
  // them.
  std::uint64_t counter = 0;
  attest::Hash extend;
  attest::PcrValues pcrs{};  // 0-7, then P
  std::uint64_t clock_ms = 1'000'000;
  bool clock_safe = true;
  attest::Run run;
  std::uint64_t firmware = 0x2022'0001'0203'0405;
  std::uint32_t restart_base = 0;  // what run.restart is after a reset

  // C = first_counter, E = E_0 of these genesis bytes.
  void provision(attest::ByteView genesis, std::uint64_t first_counter = 4711);
  void reset();    // power cycle: PCRs cleared
  void restart();  // TPM Restart: PCRs cleared, resetCount unchanged
  void resume();   // TPM Resume: PCRs kept
  void extend_pcr(const attest::Hash& digest);
  void increment() { ++counter; }
  void extend_index(const attest::Hash& digest);

  // A3 to A6: increments C, extends E with d, signs. P must have been extended before.
  attest::Receipt full_anchor(const attest::Statement& statement);
  attest::Receipt read_back(const attest::Hash& digest, bool with_quote) const;
  attest::Receipt genesis_receipt(attest::ByteView genesis) const;
  attest::Receipt quote_receipt(const attest::Hash& digest) const;
  attest::QuotePart quote(const attest::Hash& extra_data) const;
  attest::AuditPart audit(const attest::Hash& session_digest, const attest::Hash& extra_data) const;
  attest::Bundle bundle(const std::array<std::uint8_t, 16>& boot_id, bool with_ima = false) const;
  void answer(attest::Answer& answer) const;  // fills audit and quote

  // TPMS_ATTEST, marshalled, and a signature over any bytes.
  attest::Bytes attest_audit(const attest::Hash& session_digest, attest::ByteView extra_data,
                             bool exclusive = true) const;
  attest::Bytes attest_quote(std::uint32_t selected, attest::ByteView pcr_digest,
                             attest::ByteView extra_data) const;
  attest::SignedAttestation sign(attest::Bytes attest) const;

 private:
  struct Key;
  static std::shared_ptr<const Key> make_key();
  explicit PaperTpm(std::shared_ptr<const Key> key, std::uint8_t pcr);
  attest::Bytes attest_header(std::uint16_t type, attest::ByteView extra_data) const;
  std::shared_ptr<const Key> key_;
  attest::TpmIdentity identity_;
};

}  // namespace stele::test
